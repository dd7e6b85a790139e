"""A prepared cache, opened: `dataset.json` and the shards that it lists."""

import functools
import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from keras_munet import files
from keras_munet.config import DataConfig
from keras_munet.data.shards import FULL_SCALE, Shard
from keras_munet.data.stems import MIXTURE
from keras_munet.dsp import FloatArray
from keras_munet.errors import DataError, MunetError

FORMAT = "keras-munet-cache"
VERSION = 2
DATASET_FILE = "dataset.json"
SHARD_FOLDER = "shards"

COVERED = 0.05
"""Sources cover the mixture when they leave less than this share of its energy."""


@dataclass(frozen=True)
class Dataset:
    """A cache of training chunks.

    Attributes:
        folder: where it lies.
        config: how it was prepared.
        shards: the tracks, each with its split, chunks, energies and silent flags.
        warnings: what a user should know about it.
        full_scale: value of a sample of 1.0.
    """

    full_scale: ClassVar[float] = FULL_SCALE

    folder: Path
    config: DataConfig
    shards: tuple[Shard, ...]
    warnings: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The K sources, in the order of the last axis of a batch."""
        return self.config.sources

    @property
    def energies(self) -> dict[str, float]:
        """E_i of eq. (6) over all training chunks, for the sources and `mixture`."""
        return self._energies(keep_silent=True)

    @property
    def energies_without_silent(self) -> dict[str, float]:
        """E_i over the training chunks that have no silent source.

        Raises:
            DataError: when there is no such chunk.
        """
        return self._energies(keep_silent=False)

    @property
    def covers_mixture(self) -> bool:
        """Whether the mixture is the sum of the sources, near enough."""
        shards = [shard for shard in self.shards if shard.n_chunks]
        mixture = sum(sum(row[-1] for row in shard.energies) for shard in shards)
        return sum(sum(shard.residuals) for shard in shards) < COVERED * mixture

    def _energies(self, *, keep_silent: bool) -> dict[str, float]:
        rows = [
            row
            for shard in self.shards
            if shard.split == "train"
            for row, silent in zip(shard.energies, shard.silent, strict=True)
            if keep_silent or not silent
        ]
        if not rows:
            raise DataError(self.nothing_left("train", keep_silent=keep_silent))
        means = np.mean(np.asarray(rows, np.float64), axis=0)
        names = (*self.sources, MIXTURE)
        return {name: float(mean) for name, mean in zip(names, means, strict=True)}

    def chunk_index(self, split: str, *, keep_silent: bool) -> NDArray[np.int64]:
        """Lists the chunks of a split: rows of (shard, chunk), `(n, 2)`."""
        rows = [
            (number, chunk)
            for number, shard in enumerate(self.shards)
            if shard.split == split
            for chunk, silent in enumerate(shard.silent)
            if keep_silent or not silent
        ]
        return np.asarray(rows, np.int64).reshape(-1, 2)

    def n_chunks(self, split: str, keep_silent: bool = True) -> int:
        """Returns how many chunks a split has."""
        return len(self.chunk_index(split, keep_silent=keep_silent))

    def nothing_left(self, split: str, *, keep_silent: bool) -> str:
        """Says why a split has no chunk, and what to do."""
        n_all = self.n_chunks(split)
        if n_all and not keep_silent:
            return (
                f"All {n_all} chunks of the {split} split in {self.folder} have a "
                "silent source (mean energy below "
                f"{self.config.silence_energy:g}). Use --keep-silent, or prepare "
                "again with a lower --silence-energy."
            )
        return (
            f"{self.folder} has no chunks in its {split} split. Prepare a data set "
            "with more tracks, or with a larger --validation-share."
        )

    def starts(
        self, places: NDArray[np.int64], shifts: FloatArray
    ) -> NDArray[np.int64]:
        """Returns where in their songs chunks begin that are shifted, in samples.

        None reaches beyond the last chunk of its song.

        Args:
            places: rows of `chunk_index`, `(n, 2)`.
            shifts: in chunks, from 0 to 1, `(n,)`.
        """
        length = self.chunk_shape[1]
        last = np.array([shard.n_chunks - 1 for shard in self.shards])[places[:, 0]]
        shifted = length * places[:, 1] + np.int64(length * shifts)
        starts: NDArray[np.int64] = np.minimum(shifted, length * last)
        return starts

    def piece(self, shard: int, start: int, signal: int | None = None) -> NDArray[Any]:
        """Reads as much as a chunk from anywhere in a song, or one signal of it.

        Args:
            shard: number of the song.
            start: first sample, at most that of the last chunk.
            signal: which of the K + 1 signals; all by default.

        Returns:
            `(channels, chunk_length, K + 1)`, or without the last axis.
        """
        number, first = divmod(start, self.chunk_shape[1])
        signals = slice(None) if signal is None else signal
        piece: NDArray[Any] = self.mapped(shard)[number][:, first:, signals]
        if not first:
            return piece
        rest = self.mapped(shard)[number + 1][:, :first, signals]
        return np.concatenate([piece, rest], axis=1)

    def mapped(self, number: int) -> NDArray[np.int16]:
        """Returns a shard; mapped once, for a process may have 65,530 mappings.

        Returns:
            int16, `(n_chunks, *chunk_shape)`.
        """
        if number not in self._maps:
            path = self.shard_path(self.shards[number])
            self._maps[number] = np.load(path, mmap_mode="r")
        return self._maps[number]

    @functools.cached_property
    def _maps(self) -> dict[int, NDArray[np.int16]]:
        return {}

    def shard_path(self, shard: Shard) -> Path:
        """Returns where a shard lies."""
        return self.folder / SHARD_FOLDER / shard.file

    @property
    def chunk_shape(self) -> tuple[int, int, int]:
        """Shape of a chunk: `(channels, chunk_length, K + 1)`."""
        stft = self.config.stft
        return self.config.n_channels, stft.chunk_length, len(self.sources) + 1

    def check_sizes(self) -> None:
        """Checks that every shard is there and has the size that it should have.

        Raises:
            DataError: names the first shard that has not.
        """
        for shard in self.shards:
            path = self.shard_path(shard)
            if not path.is_file():
                raise DataError(self._damaged(path, "is missing"))
            wanted = _n_bytes((shard.n_chunks, *self.chunk_shape))
            if (size := path.stat().st_size) != wanted:
                why = f"has {size} bytes where {wanted} were written"
                raise DataError(self._damaged(path, why))

    def verify(self) -> None:
        """Reads every shard and compares its SHA-256 with the one in dataset.json.

        Raises:
            DataError: names the first shard that differs.
        """
        self.check_sizes()
        for shard in self.shards:
            path = self.shard_path(shard)
            if files.sha256(path) != shard.sha256:
                why = "is not what was written (its SHA-256 differs)"
                raise DataError(self._damaged(path, why))

    def _damaged(self, path: Path, why: str) -> str:
        return (
            f"The shard {path} {why}. Run the same `keras-munet prepare` again: it "
            "makes this shard anew and keeps the others."
        )

    def to_json_file(self) -> None:
        """Writes `dataset.json`, which makes the cache complete."""
        splits = dict.fromkeys(shard.split for shard in self.shards)
        counts = {
            split: {
                "all": self.n_chunks(split),
                "without_silent": self.n_chunks(split, keep_silent=False),
            }
            for split in splits
        }
        some = counts.get("train", {}).get("without_silent")
        value: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "config": self.config.to_dict(),
            "sources": self.sources,
            "n_chunks": counts,
            "energies": self.energies if self.n_chunks("train") else None,
            "energies_without_silent": self.energies_without_silent if some else None,
            "covers_mixture": self.covers_mixture,
            "warnings": self.warnings,
            "tracks": [shard.to_dict() for shard in self.shards],
        }
        files.write_json(self.folder / DATASET_FILE, value)


def open_dataset(folder: str | Path, *, verify: bool = False) -> Dataset:
    """Opens a cache made by `prepare`.

    Args:
        folder: of the cache.
        verify: also compare the SHA-256 of every shard; the sizes always are.

    Raises:
        DataError: when it is missing, unfinished, damaged, or no cache of ours.
    """
    folder = Path(folder)
    path = folder / DATASET_FILE
    if not path.is_file():
        raise DataError(_why_not(folder))
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise DataError(f"{path} is not a cache of keras-munet. Check the path.")
        if value.get("version") != VERSION:
            raise DataError(
                f"{path} has format version {value.get('version')}; this program "
                f"reads version {VERSION}. Run the same `keras-munet prepare` again: "
                "it makes the cache anew."
            )
        dataset = Dataset(
            folder,
            DataConfig.from_dict(value["config"]),
            tuple(_shard(track) for track in value["tracks"]),
            tuple(value["warnings"]),
        )
    except DataError:
        raise
    except (MunetError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} is damaged ({error}). Remove it and run the same "
            "`keras-munet prepare` again."
        ) from error
    dataset.check_sizes()
    if verify:
        dataset.verify()
    return dataset


def _n_bytes(shape: tuple[int, ...]) -> int:
    """Returns the size of an int16 `.npy` file."""
    header = io.BytesIO()
    array = {"descr": "<i2", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, array)
    return header.tell() + 2 * math.prod(shape)


def _shard(value: dict[str, Any]) -> Shard:
    shard = Shard.from_dict(value)
    if not shard.n_chunks == len(shard.energies) == len(shard.silent):
        raise DataError(f"the counts of {shard.name!r} disagree")
    return shard


def _why_not(folder: Path) -> str:
    if not folder.is_dir():
        return (
            f"There is no cache {folder}. Make one with:  "
            f"keras-munet prepare SOURCE {folder}"
        )
    if (folder / SHARD_FOLDER).is_dir():
        return (
            f"{folder} is an unfinished cache. Run the same `keras-munet prepare` "
            "again to complete it."
        )
    return (
        f"{folder} is not a cache: it has no {DATASET_FILE}. If it holds tracks, "
        f"prepare them first:  keras-munet prepare {folder} CACHE"
    )
