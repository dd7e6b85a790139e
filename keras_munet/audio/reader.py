"""What every open audio file does: cut, check, re-block, tell where it broke off."""

import os
from collections.abc import Iterator
from typing import IO, Self

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.errors import AudioError

TAGS = (
    "title",
    "artist",
    "album",
    "date",
    "tracknumber",
    "genre",
    "comment",
    "copyright",
)
"""Tags that are carried from file to file, as libsndfile calls them."""

BLOCK = 65536
"""Samples that are decoded at once."""

SHORTFALL_S = 0.25
"""A file that ends this much before its declared end counts as truncated."""

AudioFile = str | os.PathLike[str] | IO[bytes]


class AudioReader:
    """An open audio file; a context manager. Made by `audio.open_audio`.

    Attributes:
        name: what messages call the file.
        sample_rate: in Hz.
        n_channels: channels.
        n_samples: samples that `blocks` will give, as the file declares them (a guess
            for some containers); None where it does not.
        tags: title, artist, ... as far as the file has them.
        warnings: what went wrong so far without ending the reading.
        truncated: whether the file broke off early. Final after the last block.
    """

    def __init__(
        self,
        name: str,
        sample_rate: int,
        n_channels: int,
        n_declared: int | None,
        *,
        start_s: float,
        duration_s: float | None,
    ) -> None:
        self.name = name
        self.sample_rate = sample_rate
        self.n_channels = n_channels
        self.tags: dict[str, str] = {}
        self.warnings: list[str] = []
        self.truncated = False
        self._n_declared = n_declared
        self._start = round(start_s * sample_rate)
        self._n_wanted = None if duration_s is None else round(duration_s * sample_rate)
        self.n_samples = self._expected()

    def _expected(self) -> int | None:
        if self._n_declared is None:
            return None
        if self._start and self._start >= self._n_declared:
            raise AudioError(self._past_end(self._n_declared))
        left = self._n_declared - self._start
        return left if self._n_wanted is None else min(left, self._n_wanted)

    def _past_end(self, n_total: int) -> str:
        rate = self.sample_rate
        return (
            f"{self.name} ends at {n_total / rate:.2f} s, before the start that was "
            f"asked for ({self._start / rate:.2f} s). Choose an earlier start."
        )

    def blocks(self, n: int = BLOCK) -> Iterator[FloatArray]:
        """Yields float32 `(samples, channels)`, `n` samples each, the last fewer.

        A file that breaks off gives what is readable, and sets `truncated`.

        Raises:
            AudioError: on samples that are NaN or infinite, and where nothing is
                readable at all.
        """
        pending: list[FloatArray] = []
        n_done = 0
        for block in self._wanted():
            self._check(block, n_done)
            n_done += len(block)
            pending.append(block)
            if sum(map(len, pending)) >= n:
                joined = np.concatenate(pending)
                n_whole = len(joined) // n * n
                for start in range(0, n_whole, n):
                    yield joined[start : start + n]
                pending = [joined[n_whole:]]
        if any(map(len, pending)):
            yield np.concatenate(pending)

    def _wanted(self) -> Iterator[FloatArray]:
        """Cuts `start_s` and `duration_s` out of what is decoded."""
        position = self._seek(self._start)
        end = None if self._n_wanted is None else self._start + self._n_wanted
        for block in self._decode():
            first = max(0, self._start - position)
            last = len(block) if end is None else min(len(block), end - position)
            if last > first:
                yield block[first:last]
            position += len(block)
            if end is not None and position >= end:
                return
        self._check_end(position)

    def _check_end(self, position: int) -> None:
        rate = self.sample_rate
        if self._n_declared and position < self._n_declared - SHORTFALL_S * rate:
            self._break_off(position, "the rest is missing")
        if self._start and position <= self._start:
            raise AudioError(self._past_end(position))

    def _break_off(self, position: int, why: str) -> None:
        if self.truncated:
            return
        if position == 0:
            raise AudioError(f"{self.name} is damaged: no audio is readable ({why}).")
        self.truncated = True
        self.warnings.append(
            f"{self.name} breaks off after {position / self.sample_rate:.1f} s ({why})."
        )

    def _check(self, block: FloatArray, n_done: int) -> None:
        finite = np.isfinite(block)
        if not finite.all():
            first = int(np.argmin(finite.all(axis=1)))
            at = (self._start + n_done + first) / self.sample_rate
            raise AudioError(
                f"{self.name} holds NaN or infinite samples (first at {at:.3f} s). "
                "Write it again from its source."
            )

    def _seek(self, sample: int) -> int:
        """Moves to `sample` or before it; returns where the reader is."""
        return 0

    def _decode(self) -> Iterator[FloatArray]:
        """Yields what follows, in blocks of any size."""
        raise NotImplementedError

    def close(self) -> None:
        """Closes the file."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
