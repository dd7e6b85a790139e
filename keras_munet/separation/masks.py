"""Masks of a signal of any length: overlapping windows, cross-faded frame by frame.

The first window starts at sample 0, and each next one a whole number of frames
later, so that frames of all windows lie on one time axis. What is cross-faded are
masks, not waveforms: phases play no part, and the carrier's overlap-add stays exact.
"""

import numpy as np

from keras_munet.config import STFTConfig
from keras_munet.dsp import FloatArray
from keras_munet.errors import ModelError
from keras_munet.separation.history import History
from keras_munet.separation.runtime import Runtime


def window_step(stft: STFTConfig, overlap: float) -> int:
    """Returns the frames from one window to the next, at least one.

    Raises:
        ValueError: when `overlap` is not in [0, 1).
    """
    if not 0 <= overlap < 1:
        raise ValueError(f"`overlap` must lie in [0, 1). Received: overlap={overlap}")
    return max(1, round((1 - overlap) * (stft.n_frames - 1)))


def fade(n_frames: int, step: int) -> FloatArray:
    """Returns the weights of a window's frames: a trapezoid, nowhere zero.

    Frames at a window's edges saw little of their surroundings and count least.
    """
    n_shared = n_frames - step
    rising = (np.arange(n_frames) + 0.5) / n_shared
    weights: FloatArray = np.minimum(np.minimum(rising, rising[::-1]), 1.0)
    return weights.astype(np.float32)


class MaskStream:
    """Masks of a mono signal at the model's rate that arrives in blocks.

    Args:
        runtime: the network.
        overlap: share of a window that the next one covers again, in [0, 1).
        batch: windows per call of the network.
    """

    def __init__(self, runtime: Runtime, *, overlap: float, batch: int) -> None:
        if batch < 1:
            raise ValueError(f"`batch` must be at least 1. Received: batch={batch}")
        stft = runtime.config.stft
        self._runtime, self._stft, self._batch = runtime, stft, batch
        self._step = window_step(stft, overlap)
        self._fade = fade(stft.n_frames, self._step)
        self._signal = History(1)
        self._n_windows = 0
        shape = (len(runtime.config.sources), stft.n_frames, stft.n_bins)
        self._total = np.zeros(shape, np.float32)
        self._weight = np.zeros(stft.n_frames, np.float32)
        self.n_frames = 0
        """Frames given so far."""

    def push(self, signal: FloatArray) -> list[FloatArray]:
        """Takes `(samples, 1)`; returns final masks, each `(K, frames, n_bins)`."""
        self._signal.push(signal)
        pieces = []
        span = (self._batch - 1) * self._step * self._stft.hop_length
        while self._signal.end >= self._begin(0) + span + self._stft.chunk_length:
            pieces += self._run(self._batch)
        return pieces

    def flush(self) -> list[FloatArray]:
        """Returns the rest: one frame per started hop of the signal, and one more.

        At least two frames in all: a very short song may have no sample at all at
        the model's rate.
        """
        pieces = []
        n_total = max(1, -(-self._signal.end // self._stft.hop_length)) + 1
        reach = self._stft.n_frames - self._step  # of a window into the next one
        n_windows = max(1, -(-(n_total - reach) // self._step))
        while self._n_windows < n_windows:
            pieces += self._run(min(self._batch, n_windows - self._n_windows))
        n_left = n_total - self.n_frames
        if n_left > 0:
            pieces.append(self._emit(n_left))
        elif n_left < 0:
            pieces[-1] = pieces[-1][:, :n_left]
            self.n_frames = n_total
        return pieces

    def _begin(self, ahead: int) -> int:
        """First sample of the window that comes `ahead` windows after the next."""
        return (self._n_windows + ahead) * self._step * self._stft.hop_length

    def _run(self, n: int) -> list[FloatArray]:
        windows = np.zeros((n, self._stft.chunk_length), np.float32)
        for index, window in enumerate(windows):
            begin = self._begin(index)
            known = self._signal.read(begin, begin + len(window))[:, 0]
            window[: len(known)] = known
        masks = self._runtime.masks(windows)
        if not np.isfinite(masks).all():
            raise ModelError(
                "The network gave masks that are not finite. Its weights are damaged, "
                "or its training went wrong: use an earlier checkpoint."
            )
        pieces = [self._add(window) for window in masks]
        self._n_windows += n
        self._signal.drop(min(self._begin(0), self._signal.end))
        return pieces

    def _add(self, masks: FloatArray) -> FloatArray:
        """Adds one window, `(n_bins, n_frames, K)`; returns what is final then."""
        self._total += np.transpose(masks, (2, 1, 0)) * self._fade[:, None]
        self._weight += self._fade
        return self._emit(self._step)

    def _emit(self, n: int) -> FloatArray:
        masks = self._total[:, :n] / self._weight[:n, None]
        for memory in (self._total.swapaxes(0, 1), self._weight):
            memory[:-n] = memory[n:].copy()
            memory[-n:] = 0
        self.n_frames += n
        return masks
