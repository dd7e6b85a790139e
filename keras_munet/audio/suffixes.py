"""What counts as audio by its name, where a folder is looked through."""

SUFFIXES = (
    *(".wav", ".flac", ".aiff", ".aif", ".aifc", ".caf", ".m4a", ".m4b", ".aac"),
    *(".ogg", ".oga", ".opus", ".mp3", ".mp4", ".mov", ".mka", ".mkv", ".webm"),
    ".wma",
)
"""Of two files with one name the earlier kind wins: what is lossless comes first.
Files that are named are always tried: there only the contents count."""
