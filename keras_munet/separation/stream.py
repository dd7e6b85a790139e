"""The separation of one signal that arrives in blocks: one mask stream, one carrier.

    block -> mono -> model's rate -> windows -> masks -> cross-fade -> normalise
                                                                         |
    block -----------------------------> carrier STFT -> times masks <---'
                                             -> overlap-add -> final samples

For the full band the carrier is the signal itself, at its own rate and with its own
channels; for the model's band it is the mono signal that the network hears.
"""

from typing import NamedTuple

import numpy as np

from keras_munet.audio.resample import Resampler, downmix
from keras_munet.config import OVERLAP
from keras_munet.dsp import FloatArray
from keras_munet.separation.band import (
    MaskCarrier,
    carrier_grid,
    model_grid,
    normalize,
)
from keras_munet.separation.history import History
from keras_munet.separation.masks import MaskStream
from keras_munet.separation.overlap_add import Analysis, Synthesis
from keras_munet.separation.recipe import Recipe
from keras_munet.separation.runtime import Runtime

BANDS = ("full", "model")

BLOCK = 8192
"""Samples that are processed at once: what is pushed is cut into these blocks, so
that the result cannot depend on how it was pushed."""

GROUP_VALUES = 2**19
"""Spectrum values that are handled at once (4 MB: they stay in the cache)."""


class Piece(NamedTuple):
    """Samples that are final, and the stems at the same place.

    Attributes:
        mixture: `(samples, channels)`.
        computed: `(n_computed, samples, channels)`, see `Recipe.computed`.
    """

    mixture: FloatArray
    computed: FloatArray


class SeparationStream:
    """Separates a signal block by block, in constant memory.

    What comes out in all has exactly as many samples as what went in (for the
    model's band: as many as that many samples are at the model's rate), and does
    not depend on the sizes of the blocks.

    Args:
        runtime: the network.
        recipe: which stems.
        sample_rate: of the signal, in Hz.
        n_channels: of the signal.
        band: `full` or `model`.
        overlap: of the network's windows, in [0, 1).
        batch: windows per call of the network.
        threads: threads of the FFT.

    Raises:
        ValueError: on a value out of its range.
    """

    def __init__(
        self,
        runtime: Runtime,
        recipe: Recipe,
        sample_rate: int,
        n_channels: int,
        *,
        band: str = "full",
        overlap: float = OVERLAP,
        batch: int = 1,
        threads: int = 1,
    ) -> None:
        if band not in BANDS:
            raise ValueError(
                f"`band` must be 'full' or 'model'. Received: band={band!r}"
            )
        if n_channels < 1 or sample_rate < 1:
            raise ValueError(
                "`sample_rate` and `n_channels` must be positive. "
                f"Received: sample_rate={sample_rate}, n_channels={n_channels}"
            )
        stft = runtime.config.stft
        self.full, self.recipe = band == "full", recipe
        self.sample_rate = sample_rate if self.full else stft.sample_rate
        self.n_channels = n_channels if self.full else 1
        grid = carrier_grid(sample_rate, stft) if self.full else model_grid(stft)
        self._resampler = Resampler(sample_rate, stft.sample_rate, 1)
        self._masks = MaskStream(runtime, overlap=overlap, batch=batch)
        self._carrier = MaskCarrier(grid, stft)
        self._analysis = Analysis(grid, self.n_channels, threads=threads)
        self._synthesis = Synthesis(
            grid, len(recipe.computed), self.n_channels, threads=threads
        )
        self._waiting = History(n_channels)
        self._mixture = History(self.n_channels)
        self._known: list[FloatArray] = []  # masks, each (K, frames, bins)
        self._first_known = 0
        self._n_frames = 0
        self._group = max(1, GROUP_VALUES // (self.n_channels * grid.n_bins))

    def push(self, block: FloatArray) -> Piece:
        """Takes float32 `(samples, channels)`; returns what is final by now."""
        self._waiting.push(np.asarray(block, np.float32))
        pieces = []
        while self._waiting.end - self._waiting.start >= BLOCK:
            pieces += self._advance(self._waiting.take(BLOCK))
        return self._joined(pieces)

    def flush(self) -> Piece:
        """Returns the rest; nothing may be pushed after it."""
        rest = self._waiting.take(self._waiting.end - self._waiting.start)
        pieces = self._advance(rest)
        self._listen(self._resampler.flush())
        n_samples = self._mixture.end
        if n_samples:
            self._known += [self._prepared(m) for m in self._masks.flush()]
            self._analysis.finish()
            pieces += self._carry(self._analysis.n_ready)
            pieces.append(self._piece(self._synthesis.finish(n_samples)))
        return self._joined(pieces)

    def _advance(self, block: FloatArray) -> list[Piece]:
        if self.full:
            self._hold(block)
        self._listen(self._resampler.push(downmix(block)[:, None]))
        n_masks = self._carrier.n_ready(self._masks.n_frames)
        return self._carry(min(n_masks, self._analysis.n_ready))

    def _listen(self, mono: FloatArray) -> None:
        if not self.full:
            self._hold(mono)
        self._known += [self._prepared(m) for m in self._masks.push(mono)]

    def _hold(self, signal: FloatArray) -> None:
        self._analysis.push(signal)
        self._mixture.push(signal)

    def _prepared(self, masks: FloatArray) -> FloatArray:
        masks = normalize(masks) if self.recipe.normalized else masks
        return masks[list(self.recipe.computed)]

    def _carry(self, n_ready: int) -> list[Piece]:
        """Applies masks to all frames below `n_ready` that are not done yet."""
        pieces = []
        while self._n_frames < n_ready:
            stop = min(self._n_frames + self._group, n_ready)
            frames = range(self._n_frames, stop)
            spectrum = self._analysis.read(frames)
            masks = self._read_masks(frames)
            product = spectrum * masks[:, None]  # (stems, channels, frames, bins)
            pieces.append(self._piece(self._synthesis.add(product)))
            self._n_frames = stop
        return pieces

    def _read_masks(self, frames: range) -> FloatArray:
        if len(self._known) > 1:
            self._known = [np.concatenate(self._known, axis=1)]
        masks = self._carrier.read(self._known[0], self._first_known, frames)
        passed = int(self._carrier.positions(np.array([frames.stop]))[0]) - 1
        n_drop = min(passed - self._first_known, self._known[0].shape[1] - 1)
        if n_drop > 0:
            self._known = [self._known[0][:, n_drop:]]
            self._first_known += n_drop
        return masks

    def _piece(self, computed: FloatArray) -> Piece:
        return Piece(self._mixture.take(computed.shape[1]), computed)

    def _joined(self, pieces: list[Piece]) -> Piece:
        if not pieces:
            shape = (len(self.recipe.computed), 0, self.n_channels)
            return Piece(np.zeros(shape[1:], np.float32), np.zeros(shape, np.float32))
        return Piece(
            np.concatenate([piece.mixture for piece in pieces]),
            np.concatenate([piece.computed for piece in pieces], axis=1),
        )
