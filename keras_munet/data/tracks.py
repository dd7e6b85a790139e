"""Finding the tracks of a data set: MUSDB18, MUSDB18-HQ, or any folder of stems.

Stem streams and validation list are those of `musdb`, which cannot be imported where
the ffmpeg programs are missing: `recipes/musdb18.py` asked it.
"""

import functools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from keras_munet.audio.reading import count_streams
from keras_munet.audio.suffixes import SUFFIXES
from keras_munet.config import DataConfig
from keras_munet.data.stems import Stem
from keras_munet.data.track import STEM_MP4, Track, check_sources
from keras_munet.errors import DataError

__all__ = [
    "Track",
    "audio_files",
    "check_sources",
    "entries",
    "find_tracks",
    "musdb_settings",
    "split_folders",
    "stem_files",
]

SPLITS = ("train", "valid", "test")

_SPLIT_FOLDERS = {
    "train": "train",
    "valid": "valid",
    "validation": "valid",
    "test": "test",
}


@functools.cache
def musdb_settings() -> dict[str, Any]:
    """Returns what `musdb` says of MUSDB18: `stem_ids`, `validation_tracks`."""
    file = Path(__file__).with_name("musdb18.json")
    settings: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return settings


def find_tracks(
    source: str | Path, config: DataConfig, *, odd: bool = False
) -> list[Track]:
    """Lists the tracks of a data set, with their split.

    Args:
        source: a MUSDB18 or MUSDB18-HQ root, a folder of track folders (or of
            `.stem.mp4` files), with or without `train`, `valid`, `test` folders
            around them, the folder of one track, or one `.stem.mp4`.
        config: sources, names of stem files, and the seed and share of validation.
        odd: also return folders that hold no stems, as tracks with `trouble`;
            otherwise they are passed over.

    Returns:
        The tracks by split and name. Where the data set has no validation tracks of
        its own, a seeded share of the training tracks is chosen, one at least.

    Raises:
        DataError: when there is no such folder, or no track in it.
    """
    source = Path(source)
    names = {file.lower(): stem for stem, file in config.stem_names}
    if source.is_file():
        return [_single_file(source)]
    if not source.is_dir():
        raise DataError(f"There is no folder {source}. Check the path.")
    if stem_files(source, names):
        return [_folder_track(source, "train", names, odd=odd)]
    found = [
        track
        for folder, split in split_folders(source)
        for track in _tracks_in(folder, split, names, odd=odd)
    ]
    tracks = [track for track in found if not track.trouble]
    if not tracks:
        raise DataError(
            f"No tracks with stems in {source}. Expected a folder for each track with "
            f"files like vocals.wav and drums.wav in it, or {STEM_MP4} files; found: "
            f"{_listing(source)}."
        )
    tracks = _with_validation(tracks, config)
    if odd:
        tracks += [track for track in found if track.trouble]
    return sorted(tracks, key=lambda track: (SPLITS.index(track.split), track.name))


def entries(folder: Path) -> list[Path]:
    """Returns what a folder shows, by name; hidden files are none of ours.

    Raises:
        DataError: when the folder cannot be read.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(
            f"Cannot read the folder {folder}: {error.strerror}. Check its permissions."
        ) from error
    return [entry for entry in entries if not entry.name.startswith(".")]


def _listing(folder: Path) -> str:
    names = [entry.name for entry in entries(folder)]
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "") or "nothing"


def split_folders(source: Path) -> list[tuple[Path, str]]:
    """Returns (folder that holds tracks, split): one per split, or the source."""
    found = [
        (entry, _SPLIT_FOLDERS[entry.name.lower()])
        for entry in entries(source)
        if entry.is_dir() and entry.name.lower() in _SPLIT_FOLDERS
    ]
    return found or [(source, "train")]


def audio_files(folder: Path) -> list[Path]:
    """Returns the files that may be stems, the better kind first."""
    files = [
        entry
        for entry in entries(folder)
        if entry.suffix.lower() in SUFFIXES
        and not entry.name.lower().endswith(STEM_MP4)
        and entry.is_file()
    ]
    return sorted(files, key=lambda path: SUFFIXES.index(path.suffix.lower()))


def stem_files(folder: Path, names: dict[str, str]) -> dict[str, Path]:
    """Finds the stems in a folder: `VOCALS.WAV` is `vocals`.

    Args:
        folder: of one track.
        names: file stem in small letters -> stem, for other file names.

    Returns:
        stem -> file; of two files with one name the better kind.

    Raises:
        DataError: when the folder cannot be read.
    """
    stems: dict[str, Path] = {}
    for path in audio_files(folder):
        name = path.stem.lower()
        stems.setdefault(names.get(name, name), path)
    return stems


def _tracks_in(
    folder: Path, split: str, names: dict[str, str], *, odd: bool
) -> list[Track]:
    tracks = []
    for entry in entries(folder):
        if entry.is_dir():
            tracks.append(_folder_track(entry, split, names, odd=odd))
        elif entry.name.lower().endswith(STEM_MP4):
            tracks.append(_stem_mp4(entry, split))
    return tracks


def _folder_track(
    folder: Path, split: str, names: dict[str, str], *, odd: bool
) -> Track:
    """Reads a folder as one track, whose `trouble` says when it is none."""
    try:
        found = stem_files(folder, names)
        trouble = f"{folder} holds no stems. It holds: {_listing(folder)}."
    except DataError as error:
        if not odd:
            raise
        found, trouble = {}, str(error)
    stems = tuple(Stem(name, found[name]) for name in sorted(found))
    return Track(folder.name, split, stems, "" if found else trouble)


def _stem_mp4(path: Path, split: str) -> Track:
    ids: dict[str, int] = musdb_settings()["stem_ids"]
    stems = (Stem(name, path, stream) for name, stream in sorted(ids.items()))
    return Track(path.name[: -len(STEM_MP4)], split, tuple(stems))


def _single_file(path: Path) -> Track:
    n_streams = len(musdb_settings()["stem_ids"])
    if not path.name.lower().endswith(STEM_MP4) or count_streams(path) < n_streams:
        raise DataError(
            f"{path} is no stem file. One file can be prepared when it is a {STEM_MP4} "
            f"with {n_streams} audio streams; otherwise give the folder of stems."
        )
    return _stem_mp4(path, "train")


def _with_validation(tracks: list[Track], config: DataConfig) -> list[Track]:
    """Makes sure that there are validation tracks, whole songs of their own."""
    if any(track.split == "valid" for track in tracks):
        return tracks
    training = sorted(track.name for track in tracks if track.split == "train")
    held_out = set(training) & set(musdb_settings()["validation_tracks"])
    if not held_out or len(held_out) == len(training):
        held_out = _share(training, config.validation_share, config.seed)
    return [
        replace(track, split="valid")
        if track.split == "train" and track.name in held_out
        else track
        for track in tracks
    ]


def _share(names: list[str], share: float, seed: int) -> set[str]:
    if share == 0 or len(names) < 2:
        return set()
    n_held_out = min(len(names) - 1, max(1, round(share * len(names))))
    order = np.random.default_rng(seed).permutation(len(names))
    return {names[k] for k in order[:n_held_out]}
