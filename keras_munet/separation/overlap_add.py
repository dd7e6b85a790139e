"""The carrier's STFT and its inverse over a signal that arrives in blocks.

`Analysis` gives the frames of `dsp.stft` (centred, reflect padding, the end padded
with zeros to a whole hop first); `Synthesis` adds them up again and divides by the
exact sum of squared windows. So what goes through both comes back unchanged, first
and last samples included, for any length and any block sizes.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_munet import dsp
from keras_munet.config import STFTConfig
from keras_munet.dsp import ComplexArray, FloatArray
from keras_munet.separation.band import Grid
from keras_munet.separation.history import History

N_SHIFTS = 4
"""Hops in a frame: every grid overlaps by three quarters."""


def _window(grid: Grid) -> NDArray[np.float32]:
    """Returns Hann in the middle of a frame of four hops (1022 -> 1024)."""
    stft = STFTConfig(n_fft=grid.n_fft, hop_length=grid.hop_length)
    return dsp.padded_window(stft).astype(np.float32)


def _in_threads(
    function: Callable[[NDArray[Any]], NDArray[Any]], rows: NDArray[Any], threads: int
) -> NDArray[Any]:
    """Applies a function to shares of the rows at once: NumPy's FFT holds no lock."""
    shares = min(threads, len(rows))
    if shares == 1:
        return function(rows)
    with ThreadPoolExecutor(shares) as pool:
        return np.concatenate(list(pool.map(function, np.array_split(rows, shares))))


class Analysis:
    """Frames of a signal, as they become known.

    Args:
        grid: frames and bins.
        n_channels: channels of the signal.
        threads: threads of the FFT.
    """

    def __init__(self, grid: Grid, n_channels: int, *, threads: int = 1) -> None:
        self.grid, self.threads = grid, threads
        self._window = _window(grid)
        self._length = len(self._window)
        self._half = self._length // 2
        self._margin = (self._length - grid.n_fft) // 2
        self._padded = History(n_channels)
        self._head: History | None = History(n_channels)
        self._n_channels = n_channels
        self._n_total: int | None = None

    def push(self, block: FloatArray) -> None:
        """Appends `(samples, channels)`."""
        if self._head is None:
            self._padded.push(block)
            return
        self._head.push(block)
        if self._head.end > self._half:
            self._begin(self._head.read(1, self._half + 1)[::-1])

    def finish(self) -> None:
        """Declares the signal complete."""
        head = self._head
        n_samples = head.end if head is not None else self._padded.end - self._half
        self._n_total = self.grid.n_frames(n_samples)
        missing = -n_samples % self.grid.hop_length
        zeros = np.zeros((missing, self._n_channels), np.float32)
        self.push(zeros)
        margin = np.zeros((self._half, self._n_channels), np.float32)
        if self._head is not None:  # too short to be reflected
            self._begin(margin)
            self._padded.push(margin)
            return
        end = self._padded.end
        self._padded.push(self._padded.read(end - self._half - 1, end - 1)[::-1])

    def _begin(self, padding: FloatArray) -> None:
        head, self._head = self._head, None
        self._padded.push(padding)
        if head is not None:
            self._padded.push(head.read(0, head.end))

    @property
    def n_ready(self) -> int:
        """Frames that are known, counted from the signal's beginning."""
        if self._n_total is not None:
            return self._n_total
        return max(0, (self._padded.end - self._length) // self.grid.hop_length + 1)

    def read(self, frames: range) -> ComplexArray:
        """Returns `(channels, frames, bins)` and forgets the samples before them."""
        hop = self.grid.hop_length
        self._padded.drop(frames.start * hop)
        stop = (frames.stop - 1) * hop + self._length
        samples = self._padded.read(frames.start * hop, stop).T
        view = np.lib.stride_tricks.sliding_window_view(samples, self._length, axis=1)
        return _in_threads(self._spectrum, view[:, ::hop], self.threads)

    def _spectrum(self, frames: FloatArray) -> ComplexArray:
        cut = slice(self._margin, self._margin + self.grid.n_fft)
        return dsp.rfft((frames * self._window)[..., cut])


class Synthesis:
    """Signals from frames that arrive in order.

    Args:
        grid: frames and bins.
        n_signals: stems that are added up side by side.
        n_channels: channels of each.
        threads: threads of the FFT.
    """

    def __init__(
        self, grid: Grid, n_signals: int, n_channels: int, *, threads: int = 1
    ) -> None:
        self.grid, self.threads = grid, threads
        self._window = _window(grid)
        self._half = len(self._window) // 2
        self._margin = (len(self._window) - grid.n_fft) // 2
        hop = grid.hop_length
        self._tail = np.zeros((n_signals, n_channels, N_SHIFTS - 1, hop), np.float32)
        self._tail_weight = np.zeros((N_SHIFTS - 1, hop))
        self._position = -self._half  # of the next sample that comes out

    def add(self, frames: ComplexArray) -> FloatArray:
        """Adds `(signals, channels, frames, bins)`; returns the final samples.

        Returns:
            `(signals, samples, channels)`.
        """
        n_frames, hop = frames.shape[2], self.grid.hop_length
        pieces = self._pieces(frames)
        grown = ((0, 0), (0, 0), (0, n_frames), (0, 0))
        total = np.pad(self._tail, grown)
        weight = np.pad(self._tail_weight, ((0, n_frames), (0, 0)))
        square = np.reshape(self._window.astype(np.float64) ** 2, (N_SHIFTS, hop))
        # Later shifts first: then every sample is summed in the order of its frames,
        # and the last bit does not depend on how the frames were grouped.
        for shift in reversed(range(N_SHIFTS)):
            total[:, :, shift : shift + n_frames] += pieces[:, :, :, shift]
            weight[shift : shift + n_frames] += square[shift]
        self._tail, self._tail_weight = total[:, :, n_frames:], weight[n_frames:]
        return self._emit(total[:, :, :n_frames], weight[:n_frames])

    def finish(self, n_samples: int) -> FloatArray:
        """Returns the rest of signals of `n_samples` samples."""
        left = n_samples - max(0, self._position)
        return self._emit(self._tail, self._tail_weight)[:, :left]

    def _pieces(self, frames: ComplexArray) -> FloatArray:
        """(signals, channels, frames, bins) -> (..., frames, shifts, hop)."""
        rows = frames.reshape(-1, *frames.shape[2:])
        signal = _in_threads(self._windowed, rows, self.threads)
        return signal.reshape(*frames.shape[:3], N_SHIFTS, -1)

    def _windowed(self, spectrum: ComplexArray) -> FloatArray:
        n_fft, margin = self.grid.n_fft, self._margin
        signal = dsp.irfft(spectrum, n_fft)
        signal *= self._window[margin : margin + n_fft]
        return np.pad(signal, ((0, 0), (0, 0), (margin, margin))) if margin else signal

    def _emit(self, total: FloatArray, weight: FloatArray) -> FloatArray:
        gain = (1.0 / np.maximum(weight, 1e-8)).astype(np.float32)
        signals = (total * gain).reshape(*total.shape[:2], -1)
        skipped = min(max(0, -self._position), signals.shape[2])
        self._position += signals.shape[2]
        return np.swapaxes(signals[:, :, skipped:], 1, 2)
