"""Estimates from a folder: a folder per track, a file per stem, whoever wrote them.

`keras-munet separate`, Spleeter, Open-Unmix and Demucs write this layout; so does
museval's, with the split as a folder between.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_munet.audio.reading import read_audio
from keras_munet.config import FOUR_SOURCES, TWO_SOURCES
from keras_munet.errors import DataError
from keras_munet.evaluation.alignment import Form, align

Array = NDArray[np.floating]

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aif", ".aiff")
ALIASES = {"accompaniment": ("accompaniment", "no_vocals", "instrumental")}
PARTS = {"accompaniment": ("drums", "bass", "other")}
"""What is added up where the stem itself is missing."""


@dataclass
class Stems:
    """Estimates of one track, in the order of the sources, and what was noticed."""

    audio: Array  # (K, samples, channels)
    notes: list[str] = field(default_factory=list)


class StemFolder:
    """Finds and reads the stems of a track below one folder.

    Args:
        folder: with a folder per track, directly or below a folder per split.

    Raises:
        DataError: when there is no such folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise DataError(f"No folder of estimates at {folder}.")

    def describe(self) -> dict[str, Any]:
        """Returns what a report says about the method."""
        return {"kind": "estimates", "name": self.folder.resolve().name}

    def sources(self, names: list[str]) -> tuple[str, ...]:
        """Guesses the setting from the first track that has a folder.

        Raises:
            DataError: when no track has one, or its stems are of no known setting.
        """
        for name in names:
            folder = self._find(name)
            if folder is None:
                continue
            found = {path.stem for path in folder.iterdir() if path.suffix in SUFFIXES}
            for setting in (FOUR_SOURCES, TWO_SOURCES):
                if all(found.intersection(_names(source)) for source in setting):
                    return setting
            known = [source for source in FOUR_SOURCES if source in found]
            if known:
                return tuple(known)
            raise DataError(
                f"{folder} has none of the stems {', '.join(FOUR_SOURCES)}, "
                f"accompaniment. Found: {', '.join(sorted(found)) or 'nothing'}."
            )
        raise DataError(
            f"{self.folder} has no folder for any of the {len(names)} tracks, for "
            f"example {names[0]!r}. It needs one folder per track, named as the track."
        )

    def inputs(self, track: str, sources: tuple[str, ...]) -> dict[str, list[int]]:
        """Returns file -> (size, time) of the stems, to notice when they change."""
        files = [file for source in sources for file in self._files(track, source)]
        stats = [(file.name, file.stat()) for file in files]
        return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats}

    def stems(
        self,
        track: str,
        references: dict[str, Array],
        mixture: Array,
        form: Form,
        sample_rate: int,
    ) -> Stems:
        """Reads, converts and aligns the stems of one track.

        Args:
            track: its name.
            references: source -> `(samples, channels)` in the protocol's form.
            mixture: in the same form; not needed here.
            form: of the protocol.
            sample_rate: of the references, in Hz.

        Raises:
            DataError: for a missing stem or one that does not fit.
            AudioError: for a file that cannot be read, or holds NaN.
        """
        stems = Stems(np.empty((len(references), *_shape(references)), np.float32))
        for index, (source, reference) in enumerate(references.items()):
            files = self._files(track, source)
            total = np.zeros_like(reference)
            for file in files:
                total += self._read(file, reference, form, sample_rate, stems.notes)
            stems.audio[index] = total
            if len(files) > 1:
                names = " + ".join(file.name for file in files)
                stems.notes.append(f"{source} is {names}")
        extra = self.extra(track, tuple(references))
        if extra:
            stems.notes.append(f"ignored: {', '.join(extra)}")
        return stems

    def extra(self, track: str, sources: tuple[str, ...]) -> list[str]:
        """Returns the names of audio files that are no stem of the sources."""
        folder = self._find(track)
        used = {file.name for s in sources for file in self._files(track, s)}
        files = folder.iterdir() if folder else iter(())
        return sorted(
            file.name
            for file in files
            if file.suffix in SUFFIXES
            and file.name not in used
            and file.stem not in ("mixture", "mix")
        )

    def unused(self, tracks: list[str]) -> list[str]:
        """Returns the names of folders that belong to none of the tracks."""
        known = {folder for name in tracks for folder in self._candidates(name)}
        splits = {self.folder / split for split in ("test", "train", "valid")}
        return sorted(
            path.name
            for path in self.folder.iterdir()
            if path.is_dir() and path not in known and path not in splits
        )

    def _candidates(self, track: str) -> Iterator[Path]:
        for parent in (self.folder, *(self.folder / s for s in ("test", "train"))):
            yield parent / track
            yield parent / f"{track}.stem"

    def _find(self, track: str) -> Path | None:
        return next((path for path in self._candidates(track) if path.is_dir()), None)

    def _files(self, track: str, source: str) -> list[Path]:
        """Returns the file of a stem, or the files that add up to it."""
        folder = self._find(track)
        if folder is None:
            raise DataError(
                f"{self.folder} has no folder {track!r}. Separate that track too, or "
                "leave it out with --split or --tracks."
            )
        whole = _first(folder, _names(source))
        if whole is not None:
            return [whole]
        parts = [_first(folder, (part,)) for part in PARTS.get(source, ())]
        found = [part for part in parts if part is not None]
        if parts and len(found) == len(parts):
            return found
        there = sorted(path.name for path in folder.iterdir())
        raise DataError(
            f"{folder} has no stem {source!r} ({source}.wav, .flac, ...). It holds: "
            f"{', '.join(there) or 'nothing'}. Choose what is scored with --sources."
        )

    def _read(
        self, file: Path, reference: Array, form: Form, rate: int, notes: list[str]
    ) -> Array:
        audio, own_rate = read_audio(file)
        audio, _ = Form(rate, form.mono).apply(audio, own_rate)
        if form.sample_rate is None and own_rate != rate:
            notes.append(f"{file.name} was resampled from {own_rate} to {rate} Hz")
        if len(audio) != len(reference):
            excess = len(audio) - len(reference)
            verb = "cut" if excess > 0 else "padded"
            notes.append(f"{file.name} was {verb} by {abs(excess)} samples")
        if audio.shape[1] < reference.shape[1]:
            notes.append(f"{file.name} is mono and was used for every channel")
        return align(audio, reference, rate, str(file))


def _shape(references: dict[str, Array]) -> tuple[int, ...]:
    return next(iter(references.values())).shape


def _names(source: str) -> tuple[str, ...]:
    return ALIASES.get(source, (source,))


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    for name in names:
        for suffix in SUFFIXES:
            if (folder / f"{name}{suffix}").is_file():
                return folder / f"{name}{suffix}"
    return None
