"""What every open audio file does: cut, check, re-block, tell what was lost."""

import os
from collections.abc import Iterator
from itertools import chain
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

AudioFile = str | os.PathLike[str] | IO[bytes]


class AudioReader:
    """An open audio file; a context manager. Made by `audio.open_audio`.

    Attributes:
        name: what messages call the file.
        sample_rate: in Hz.
        n_channels: channels, in the order of a wav (left, right, centre, LFE, ...).
        n_samples: about how many samples `blocks` will give, as the file declares
            them: good for a progress bar, never the truth. None where it does not,
            0 where it is known that there are none.
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
        self._start = round(start_s * sample_rate)
        self._n_wanted = None if duration_s is None else round(duration_s * sample_rate)
        self.n_samples = self._expected(n_declared)
        self._lost: list[tuple[int, int]] = []  # (position, samples)

    def _expected(self, n_declared: int | None) -> int | None:
        if n_declared is None or 0 < n_declared <= self._start:
            return None
        left = max(0, n_declared - self._start)
        return left if self._n_wanted is None else min(left, self._n_wanted)

    def begin(self) -> None:
        """Moves to the start; `open_audio` does it.

        Raises:
            AudioError: when the file ends before it.
        """
        self._blocks: Iterator[FloatArray] = self._decode()
        self._position = self._seek(self._start)
        self._head: list[FloatArray] = []
        while self._start and self._position <= self._start:
            block = next(self._blocks, None)
            if block is None:
                raise AudioError(
                    f"{self.name} ends at {self._position / self.sample_rate:.2f} s, "
                    "before the start that was asked for "
                    f"({self._start / self.sample_rate:.2f} s). Choose an earlier "
                    "start."
                )
            self._position += len(block)
            surplus = self._position - self._start
            if surplus > 0:
                self._head = [block[len(block) - surplus :]]

    def blocks(self, n: int = BLOCK) -> Iterator[FloatArray]:
        """Yields float32 `(samples, channels)`, `n` samples each, the last fewer.

        A file that breaks off gives what is readable, and sets `truncated`. What
        cannot be decoded in the middle is left out, and told in `warnings`.

        Raises:
            AudioError: on samples that are NaN or infinite, and where nothing is
                readable at all.
        """
        pending: list[FloatArray] = []
        n_pending = n_done = 0
        for block in self._wanted():
            pending.append(block)
            n_pending += len(block)
            if n_pending >= n:
                joined = np.concatenate(pending)
                self._check(joined, n_done)
                n_whole = n_pending // n * n
                for start in range(0, n_whole, n):
                    yield joined[start : start + n]
                pending, n_pending = [joined[n_whole:]], n_pending - n_whole
                n_done += n_whole
        self._tell_losses()
        if n_pending:
            last = np.concatenate(pending)
            self._check(last, n_done)
            yield last

    def _wanted(self) -> Iterator[FloatArray]:
        """Yields what lies behind the start, as much as is wanted."""
        left = self._n_wanted
        for block in chain(self._head, self._advance()):
            yield block[:left]
            if left is not None:
                left -= min(left, len(block))
                if not left:
                    return
        if self._breaks_off():
            self._break_off("the rest is missing")

    def _advance(self) -> Iterator[FloatArray]:
        """Yields what is decoded, and keeps count of it."""
        for block in self._blocks:
            self._position += len(block)
            yield block

    def _break_off(self, why: str) -> None:
        if self.truncated:
            return
        if self._position == 0:
            raise AudioError(f"{self.name} is damaged: no audio is readable ({why}).")
        self.truncated = True
        self.warnings.append(
            f"{self.name} breaks off after {self._position / self.sample_rate:.1f} s "
            f"({why})."
        )

    @property
    def whole(self) -> bool:
        """Whether all was read, nothing lost. Final after the last block."""
        return not (self.truncated or self._lost)

    def _lose(self, position: int, n: int) -> None:
        """Notes that `n` samples could not be decoded."""
        if self._lost and self._lost[-1][0] == position:
            n += self._lost.pop()[1]
        self._lost.append((position, n))

    def _tell_losses(self) -> None:
        if not self._lost:
            return
        total_s = sum(n for _, n in self._lost) / self.sample_rate
        at = f"at {self._lost[0][0] / self.sample_rate:.2f} s"
        if len(self._lost) > 1:
            at = f"in {len(self._lost)} places, the first {at}"
        self.warnings.append(
            f"{self.name} is damaged: about {total_s:.2f} s {at}, could not be decoded "
            "and were left out. What lies behind follows at once."
        )

    def _check(self, block: FloatArray, n_done: int) -> None:
        if np.isfinite(block.sum()):  # a sum is six times as fast as a look at each
            return
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

    def _breaks_off(self) -> bool:
        """Says, after the last block, whether the file proves that more should come."""
        return False

    def close(self) -> None:
        """Closes the file."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
