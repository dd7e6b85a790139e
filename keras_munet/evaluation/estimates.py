"""Estimates from a folder: a folder per track, a file per stem, whoever wrote them.

`keras-munet separate`, Spleeter, Open-Unmix and Demucs write this layout; so does
museval's, with the split as a folder between. Files are found as `prepare` finds stems.
"""

import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_munet.audio.reading import read_audio
from keras_munet.config import FOUR_SOURCES, TWO_SOURCES
from keras_munet.data.tracks import audio_files, entries, split_folders, stem_files
from keras_munet.errors import DataError
from keras_munet.evaluation.alignment import Form, align

Array = NDArray[np.floating]

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
        names: file stem in small letters -> source, for other file names.

    Raises:
        DataError: when there is no such folder.
    """

    def __init__(self, folder: str | Path, names: dict[str, str] | None = None) -> None:
        self.folder, self._names = Path(folder), names or {}
        if not self.folder.is_dir():
            raise DataError(f"No folder of estimates at {folder}.")

    def describe(self) -> dict[str, Any]:
        """Returns what a report says about the method."""
        return {"kind": "estimates", "name": self.folder.resolve().name}

    def sources(self, tracks: list[str]) -> tuple[str, ...]:
        """Guesses the setting: the one that most tracks have.

        Raises:
            DataError: when no track has a folder, or none has stems of a known
                setting.
        """
        folders = [folder for track in tracks if (folder := self._find(track))]
        if not folders:
            raise DataError(
                f"{self.folder} has no folder for any of the {len(tracks)} tracks, for "
                f"example {tracks[0]!r}. It needs one folder per track, named as the "
                "track."
            )
        known = Counter(s for folder in folders if (s := self._setting(folder)))
        if not known:
            raise DataError(
                f"{folders[0]} has none of the stems {', '.join(FOUR_SOURCES)}, "
                f"accompaniment. Found: {_listing(folders[0])}."
            )
        return known.most_common(1)[0][0]

    def _setting(self, folder: Path) -> tuple[str, ...]:
        found = self._stems(folder)
        for setting in (FOUR_SOURCES, TWO_SOURCES):
            if all(_one_of(found, source) for source in setting):
                return setting
        return tuple(source for source in FOUR_SOURCES if source in found)

    def _stems(self, folder: Path) -> dict[str, Path]:
        try:
            return stem_files(folder, self._names)
        except DataError:  # its own track says so
            return {}

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
        return sorted(
            file.name
            for file in (audio_files(folder) if folder else ())
            if file.name not in used and file.stem.lower() not in ("mixture", "mix")
        )

    def unused(self, tracks: list[str]) -> list[str]:
        """Returns the names of folders that belong to none of the tracks."""
        known = {self._find(track) for track in tracks}
        splits = {folder for folder, _ in split_folders(self.folder)}
        return [
            path.name
            for path in entries(self.folder)
            if path.is_dir() and path not in known and path not in splits
        ]

    def _find(self, track: str) -> Path | None:
        """Returns the folder of a track: its very name before one alike."""
        parents = [self.folder, *(folder for folder, _ in split_folders(self.folder))]
        for same in (str, _folded):
            wanted = {same(track), same(f"{track}.stem")}
            for parent in parents:
                for entry in entries(parent):
                    if same(entry.name) in wanted and entry.is_dir():
                        return entry
        return None

    def _files(self, track: str, source: str) -> list[Path]:
        """Returns the file of a stem, or the files that add up to it."""
        folder = self._find(track)
        if folder is None:
            raise DataError(
                f"{self.folder} has no folder {track!r}. Separate that track too, or "
                "leave it out with --split or --track."
            )
        found = stem_files(folder, self._names)
        if whole := _one_of(found, source):
            return [whole]
        parts = PARTS.get(source, ())
        if parts and set(parts) <= set(found):
            return [found[part] for part in parts]
        raise DataError(
            f"{folder} has no stem {source!r} ({source}.wav, .flac, ...). It holds: "
            f"{_listing(folder)}. Choose what is scored with --sources."
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


def _one_of(found: dict[str, Path], source: str) -> Path | None:
    names = ALIASES.get(source, (source,))
    return next((found[name] for name in names if name in found), None)


def _listing(folder: Path) -> str:
    return ", ".join(path.name for path in entries(folder)) or "nothing"


def _folded(name: str) -> str:
    """Names that a person takes for the same: in any case, composed in any way."""
    return unicodedata.normalize("NFC", name).casefold()
