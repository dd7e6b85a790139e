"""Which files are songs, where folders are looked through, and what they are called."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from keras_munet.audio.suffixes import SUFFIXES
from keras_munet.audio.tags import STEM_MARK

PIPE = Path("-")

HEAD = 8192
"""Bytes of a file in which the mark of a stem lies: its tags come first."""


@dataclass(frozen=True)
class Song:
    """A file to separate, and what its stems' files are named after."""

    path: Path
    name: str
    piped: bool = False


@dataclass
class Found:
    """What there is to separate.

    Attributes:
        songs: in order.
        empty: folders without a song, each with why.
        n_stems: stems of earlier runs that were left out.
    """

    songs: list[Song] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    n_stems: int = 0


def song_name(path: Path) -> str:
    """Returns what stems are named after: the file's name without its suffix.

    Of `...wav` that would be `..`, which leads out of the folder for the stems: such
    names stay whole.
    """
    return path.stem if path.stem.strip(".") else path.name


def find_songs(
    files: Iterable[Path], out: Path, stems_of: Callable[[str], Iterable[Path]]
) -> Found:
    """Looks into folders; songs in them are named by their place there.

    Stems are no songs: what lies in `out` or would be written there, and what an
    earlier run has marked, is left out. Files that are named are always taken.

    Args:
        files: files, folders, and `-` for standard input.
        out: folder for the stems.
        stems_of: name of a song -> files of its stems.
    """
    found = Found()
    for file in files:
        if file == PIPE:
            found.songs.append(Song(Path("stdin"), "stdin", piped=True))
        elif os.path.isdir(file):  # noqa: PTH112  no error for names that are too long
            _look_into(file, out, stems_of, found)
        else:
            found.songs.append(Song(file, song_name(file)))
    return found


def _look_into(
    folder: Path, out: Path, stems_of: Callable[[str], Iterable[Path]], found: Found
) -> None:
    songs = [
        Song(folder / path, (path.parent / song_name(path)).as_posix())
        for path in sorted(_audio_below(folder))
    ]
    stems = _stems(songs, folder.resolve(), out.resolve(), stems_of)
    found.songs += [song for song in songs if song.path not in stems]
    found.n_stems += len(stems)
    if len(stems) == len(songs):
        found.empty.append(
            f"{folder} holds stems of earlier runs ({len(stems)}) and no songs. Name "
            "files to separate them all the same."
            if stems
            else f"{folder} holds no audio files."
        )


def _audio_below(folder: Path) -> Iterator[Path]:
    """Yields paths from `folder` on; nothing that is hidden, nor in what is hidden."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(place, name)
            known = path.suffix.lower() in SUFFIXES and not name.startswith(".")
            if known and path.is_file():
                yield path.relative_to(folder)


def _stems(
    songs: list[Song],
    folder: Path,
    out: Path,
    stems_of: Callable[[str], Iterable[Path]],
) -> set[Path]:
    """Returns those songs that are stems."""
    inside = out != folder and out.is_relative_to(folder)
    written = {path.resolve() for song in songs for path in stems_of(song.name)}
    return {
        song.path
        for song in songs
        if (inside and song.path.resolve().is_relative_to(out))
        or song.path.resolve() in written
        or _is_marked(song.path)
    }


def _is_marked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return STEM_MARK.encode() in file.read(HEAD)
    except OSError:
        return False
