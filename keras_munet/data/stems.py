"""The stems of one track: which files make up a source, and reading them together."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_munet.audio.reading import (
    AudioReader,
    Resampler,
    downmix,
    open_audio,
    read_audio,
)
from keras_munet.dsp import FloatArray
from keras_munet.errors import AudioError, DataError

MIXTURE, ACCOMPANIMENT, VOCALS = "mixture", "accompaniment", "vocals"

TOLERANCE_S = 0.01
"""Stems of one track may differ this much in length; the shortest one counts."""

_INSTRUMENTS = ("drums", "bass", "other")


@dataclass(frozen=True)
class Stem:
    """Where a stem lies: a file, and the number of the audio stream in it."""

    name: str
    path: Path
    stream: int = 0


def recipe(source: str, stems: Collection[str]) -> dict[str, float]:
    """Says which stems, times which gain, add up to a source.

    A stem of that name is the source. Otherwise `accompaniment` is drums + bass +
    other, or all stems but the vocals, or mixture - vocals; `mixture` is vocals +
    accompaniment, or the four stems of MUSDB18, or the sum of all stems.

    Returns:
        stem -> gain; empty when the stems do not yield the source.
    """
    if source in stems:
        return {source: 1.0}
    parts = sorted(set(stems) - {MIXTURE})
    if source == ACCOMPANIMENT:
        if set(_INSTRUMENTS) <= set(parts):
            return dict.fromkeys(_INSTRUMENTS, 1.0)
        if rest := [part for part in parts if part != VOCALS]:
            return dict.fromkeys(rest, 1.0)
        if {VOCALS, MIXTURE} <= set(stems):
            return {MIXTURE: 1.0, VOCALS: -1.0}
    if source == MIXTURE and len(parts) > 1:
        for known in ((VOCALS, ACCOMPANIMENT), (VOCALS, *_INSTRUMENTS)):
            if set(known) <= set(parts):
                return dict.fromkeys(known, 1.0)
        return dict.fromkeys(parts, 1.0)
    return {}


def mix(
    recipes: dict[str, dict[str, float]], stems: dict[str, FloatArray]
) -> dict[str, FloatArray]:
    """Adds stems up to sources; all are cut to the shortest stem."""
    length = min(len(stem) for stem in stems.values())
    return {
        source: np.sum(
            [np.float32(gain) * stems[name][:length] for name, gain in parts.items()],
            axis=0,
            dtype=np.float32,
        )
        for source, parts in recipes.items()
    }


def check_alike(track: str, readers: dict[Path | str, AudioReader]) -> None:
    """Refuses stems whose rates or channel counts differ.

    Raises:
        DataError: names the track and what each file has.
    """
    for what, values in (
        ("sample rates", {k: f"{r.sample_rate} Hz" for k, r in readers.items()}),
        ("channel counts", {k: str(r.n_channels) for k, r in readers.items()}),
    ):
        if len(set(values.values())) > 1:
            listed = ", ".join(f"{key}: {value}" for key, value in values.items())
            raise DataError(
                f"The stems of {track} have different {what} ({listed}). "
                "Convert them to the same one, or remove the track."
            )


def check_lengths(track: str, lengths_s: dict[str, float]) -> None:
    """Refuses stems whose lengths differ by more than a few milliseconds.

    Raises:
        DataError: names the track and the length of each stem; also when all are
            empty.
    """
    listed = ", ".join(f"{name}: {value:.3f} s" for name, value in lengths_s.items())
    if max(lengths_s.values()) - min(lengths_s.values()) > TOLERANCE_S:
        raise DataError(
            f"The stems of {track} have different lengths ({listed}). Export them "
            "from the same start to the same end, or remove the track."
        )
    if min(lengths_s.values()) == 0:
        raise DataError(f"The stems of {track} hold no audio. Remove the track.")


def _readers(track: str, stems: Iterable[Stem]) -> None:
    """Opens all stems once, to compare what their headers say."""
    readers: dict[Path | str, AudioReader] = {}
    for stem in stems:
        with open_audio(stem.path, stream=stem.stream) as reader:
            readers[stem.name] = reader
    check_alike(track, readers)


def read_stems(
    track: str, stems: Collection[Stem]
) -> tuple[dict[str, FloatArray], int]:
    """Reads stems as they are.

    Returns:
        stem -> `(samples, channels)`, and their sample rate in Hz.

    Raises:
        AudioError: when a file cannot be read from beginning to end.
        DataError: when they do not fit together.
    """
    _readers(track, stems)
    audio, rate = {}, 0
    for stem in stems:
        audio[stem.name], rate = read_audio(stem.path, stream=stem.stream)
    check_lengths(track, {name: len(x) / rate for name, x in audio.items()})
    return audio, rate


def _read_resampled(
    stem: Stem, sample_rate: int, n_channels: int
) -> tuple[FloatArray, float]:
    """Reads a file block by block; also returns its length in seconds."""
    with open_audio(stem.path, stream=stem.stream) as reader:
        resampler = Resampler(reader.sample_rate, sample_rate, n_channels)
        blocks, n_read = [np.zeros((0, n_channels), np.float32)], 0
        for block in reader.blocks():
            n_read += len(block)
            if n_channels == 1:
                block = downmix(block)[:, None]
            elif block.shape[1] == 1:
                block = np.repeat(block, n_channels, axis=1)
            elif block.shape[1] != n_channels:
                raise DataError(
                    f"{stem.path} has {block.shape[1]} channels; for a cache with "
                    "left and right it must have one or two."
                )
            blocks.append(resampler.push(block))
        if not reader.whole:
            raise AudioError(f"{reader.warnings[-1]} Get a complete copy.")
        if n_read:
            blocks.append(resampler.flush())
        return np.concatenate(blocks), n_read / reader.sample_rate


def read_resampled(
    track: str, stems: Collection[Stem], *, sample_rate: int, n_channels: int = 1
) -> dict[str, FloatArray]:
    """Reads stems mixed down to `n_channels` (1 or 2) at another rate.

    Never holds more than a block of the original audio.

    Returns:
        stem -> `(samples, n_channels)`.

    Raises:
        AudioError: when a file cannot be read from beginning to end.
        DataError: when they do not fit together.
    """
    _readers(track, stems)
    audio, lengths_s = {}, {}
    for stem in stems:
        audio[stem.name], lengths_s[stem.name] = _read_resampled(
            stem, sample_rate, n_channels
        )
    check_lengths(track, lengths_s)
    return audio
