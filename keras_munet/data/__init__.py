"""Data: audio files, tracks, the cache and the input pipeline."""
