"""One track becomes one shard: read, cut into chunks, measured, written as int16.

A shard is a plain `.npy`: little-endian int16 `(n_chunks, channels, chunk_length,
K + 1)`, the K sources in order and the mixture last. Full scale is 32767.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from keras_munet import dsp, files
from keras_munet.config import DataConfig
from keras_munet.data.stems import MIXTURE
from keras_munet.data.tracks import Track
from keras_munet.dsp import FloatArray
from keras_munet.json_config import Config

FULL_SCALE = 32767
"""Int16 value of a sample of 1.0."""

CLIPPED_SHARE = 2e-4
"""A track with fewer samples beyond full scale is clipped there; with more, turned
down as a whole."""


@dataclass(frozen=True)
class Shard(Config):
    """What is known about the chunks of one track.

    Attributes:
        name: of the track.
        split: `train`, `valid` or `test`.
        file: name of the shard, in the folder `shards` of the cache.
        key: fingerprint of the settings and of the track's files.
        sha256: of the shard.
        n_chunks: chunks of the shard; 0 (and no file) where the track is too short.
        gain: what the track was multiplied with, to fit into int16.
        n_clipped: samples beyond full scale that were cut off.
        energies: per chunk, `dsp.energy` of each source and of the mixture.
        residuals: per chunk, the same of what the sources leave of the mixture.
        silent: per chunk, whether a source is silent.
    """

    name: str
    split: str
    file: str
    key: str
    sha256: str
    n_chunks: int
    gain: float
    n_clipped: int
    energies: tuple[tuple[float, ...], ...]
    residuals: tuple[float, ...]
    silent: tuple[bool, ...]


@dataclass(frozen=True)
class Job:
    """What a worker needs to make a shard."""

    track: Track
    config: DataConfig
    folder: Path
    file: str
    key: str


def sidecar(shard: Path) -> Path:
    """Returns the file that describes a finished shard."""
    return shard.with_suffix(".json")


def to_int16(audio: FloatArray) -> tuple[np.ndarray[Any, Any], float, int]:
    """Rounds a track to int16; never wraps around, never clips unnoticed.

    Args:
        audio: all signals of the track, any shape.

    Returns:
        int16 of the same shape, the gain that was needed (1 unless more than
        `CLIPPED_SHARE` of the samples lie beyond full scale), and how many samples
        were clipped.
    """
    beyond = int(np.count_nonzero(np.abs(audio) > 1))
    gain = 1.0
    if beyond > CLIPPED_SHARE * audio.size / max(1, audio.shape[-1]):
        gain, beyond = float(1 / np.abs(audio).max()), 0
    scaled = np.round(audio * np.float32(gain * FULL_SCALE))
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE).astype("<i2"), gain, beyond


def _read(job: Job) -> FloatArray:
    """Reads a track as `(samples, channels, K + 1)`."""
    names = [*job.config.sources, MIXTURE]
    audio = job.track.load_resampled(
        names,
        sample_rate=job.config.stft.sample_rate,
        n_channels=job.config.n_channels,
    )
    return np.stack([audio[name] for name in names], axis=-1)


def _measure(chunk: np.ndarray[Any, Any]) -> list[float]:
    """Energies of the signals of a chunk, and of the residual, as training hears it."""
    total = chunk.sum(axis=0, dtype=np.float32) if len(chunk) > 1 else chunk[0]
    mono = total.T / np.float32(FULL_SCALE * len(chunk))  # (K + 1, samples)
    residual = mono[-1:] - mono[:-1].sum(axis=0)
    measured = dsp.energy(np.concatenate([mono, residual]))
    return [float(f"{value:.6g}") for value in measured]


def _cut(job: Job) -> tuple[list[np.ndarray[Any, Any]], float, int]:
    """Reads a track as int16 chunks; also returns its gain and clipped samples."""
    length = job.config.stft.chunk_length
    whole, gain, n_clipped = to_int16(_read(job))
    chunks = [
        np.ascontiguousarray(whole[start : start + length].swapaxes(0, 1))
        for start in range(0, len(whole) - length + 1, length)
    ]
    return chunks, gain, n_clipped


def _describe(
    job: Job, chunks: list[np.ndarray[Any, Any]], *, gain: float, level: float
) -> Shard:
    """Measures chunks; energies are those of the chunks times `level`."""
    measured = [[level**2 * value for value in _measure(chunk)] for chunk in chunks]
    energies = tuple(tuple(values[:-1]) for values in measured)
    return Shard(
        name=job.track.name,
        split=job.track.split,
        file=job.file,
        key=job.key,
        sha256="",
        n_chunks=len(chunks),
        gain=gain,
        n_clipped=0,
        energies=energies,
        residuals=tuple(values[-1] for values in measured),
        silent=tuple(min(row[:-1]) < job.config.silence_energy for row in energies),
    )


def measure_track(job: Job) -> Shard:
    """Reads a track and describes its chunks at their original level; writes nothing.

    Raises:
        DataError, AudioError: as `make_shard`.
    """
    chunks, gain, _ = _cut(job)
    return _describe(job, chunks, gain=1.0, level=1 / gain)


def make_shard(job: Job) -> Shard:
    """Writes the shard of a track and its description; each appears whole or not.

    Returns:
        The description; `n_chunks` is 0 where the track is shorter than a chunk.

    Raises:
        DataError: when the disk is full, or the stems do not fit together.
        AudioError: when a stem cannot be read.
    """
    chunks, gain, n_clipped = _cut(job)
    shard = _describe(job, chunks, gain=gain, level=1.0)
    path = job.folder / job.file
    try:
        digest = _write(path, chunks)
        shard = replace(shard, sha256=digest, n_clipped=n_clipped)
        files.write_json(sidecar(path), shard.to_dict())
    except OSError as error:
        raise files.write_error(error, path) from error
    return shard


def _write(path: Path, chunks: list[np.ndarray[Any, Any]]) -> str:
    if not chunks:
        return ""
    with files.replacing(path) as part:
        np.save(part, np.stack(chunks))
        digest = files.sha256(part)
    return digest


def finished(job: Job) -> Shard | None:
    """Returns the description of a shard made earlier from the same input.

    None where there is none, or the shard is not what was written.
    """
    path = job.folder / job.file
    try:
        shard = Shard.from_dict(json.loads(sidecar(path).read_text(encoding="utf-8")))
        digest = files.sha256(path) if shard.n_chunks else ""
        intact = shard.key == job.key and digest == shard.sha256
    except Exception:  # whatever is wrong with it, it is made again
        return None
    return shard if intact else None
