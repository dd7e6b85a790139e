"""Full band: how masks at the model's rate are carried to a song's own rate.

The rule, complete, so that another engine can copy it (Python and TypeScript do the
same). Given are the model's masks, K values per bin and frame, already cross-faded
and normalised: bin q at `q * 10880 / 1022` Hz, frame j at `j * 256 / 10880` s.

1. The carrier is the STFT of each channel at the song's rate r: Hann (periodic),
   `n_fft = 2**round(log2(r * 1022 / 10880))`, `hop = n_fft / 4`, frame c centred at
   sample `c * hop`, so that its frames and bins are about as long and as wide as the
   model's.
2. Time: frame c reads position `c * hop / r * 10880 / 256` on the model's frames,
   linearly; positions past the last frame read the last frame.
3. Frequency: bin k reads position `k * r / n_fft / (10880 / 1022)` on the model's
   bins, linearly, as long as its frequency is at most `LIMIT * 10880`.
4. Above that, every bin reads the mean over the model's bins from `TOP[0] * 10880`
   to `TOP[1] * 10880` Hz, both included, of the same frame.

All four steps are averages, so masks that sum to one still do, masks of one stay
masks of one, and no mask leaves the range of the model's.
"""

import math
from dataclasses import dataclass

import numpy as np

from keras_munet.config import STFTConfig
from keras_munet.dsp import FloatArray

LIMIT = 0.46
"""Masks are read up to this share of the model's rate (5005 Hz of 10880).

Above it the resampling filter leaves the network little to hear.
"""

TOP = (0.415, 0.46)
"""Band, as shares of the model's rate (4515 to 5005 Hz), whose mean stands for all
above the limit. Chosen by `benchmarks/masks.py`."""

SILENT = 1e-6
"""Added to every mask before normalising: where all are zero, shares are equal."""


def normalize(masks: FloatArray) -> FloatArray:
    """Returns masks that sum to one over the first axis.

    A model of one source has nothing to share with: its mask is cut off at one, and
    the rest of the mixture is what it leaves.

    Args:
        masks: not negative, `(K, ...)`.
    """
    if len(masks) == 1:
        return np.minimum(masks, 1.0)
    raised = masks + np.float32(SILENT)
    normalized: FloatArray = raised / raised.sum(axis=0)
    return normalized


@dataclass(frozen=True)
class Grid:
    """Frames and bins of an STFT.

    Attributes:
        sample_rate: of the signal, in Hz.
        n_fft: window and DFT length in samples.
        hop_length: samples from frame to frame.
    """

    sample_rate: int
    n_fft: int
    hop_length: int

    @property
    def n_bins(self) -> int:
        """Bins of a frame."""
        return self.n_fft // 2 + 1

    def n_frames(self, n_samples: int) -> int:
        """Frames that cover a signal: one per started hop, and one more."""
        return -(-n_samples // self.hop_length) + 1


def model_grid(stft: STFTConfig) -> Grid:
    """Returns the model's own grid."""
    return Grid(stft.sample_rate, stft.n_fft, stft.hop_length)


def carrier_grid(sample_rate: int, stft: STFTConfig) -> Grid:
    """Returns the grid at a song's rate that comes closest to the model's."""
    wanted = sample_rate * stft.n_fft / stft.sample_rate
    n_fft = max(16, 2 ** round(math.log2(wanted)))
    return Grid(sample_rate, n_fft, n_fft // 4)


class MaskCarrier:
    """Reads masks of the model's grid on another grid.

    Where both grids are the same, masks come through as they are, every bin.

    Args:
        grid: where masks are wanted.
        stft: the model's front end.
    """

    def __init__(self, grid: Grid, stft: STFTConfig) -> None:
        self.grid, self.stft = grid, stft
        self.same = grid == model_grid(stft)
        width_hz = stft.sample_rate / stft.n_fft
        hz = np.arange(grid.n_bins) * grid.sample_rate / grid.n_fft
        position = hz[hz <= LIMIT * stft.sample_rate] / width_hz
        self._below = position.astype(int)
        self._share = (position - self._below).astype(np.float32)
        bins_hz = np.arange(stft.n_bins) * width_hz
        low, high = (share * stft.sample_rate for share in TOP)
        top = np.flatnonzero((bins_hz >= low) & (bins_hz <= high))
        self._top = slice(top[0], top[-1] + 1)

    def positions(self, frames: FloatArray) -> FloatArray:
        """Returns where frames of the grid lie on the model's frames."""
        grid, stft = self.grid, self.stft
        seconds = frames * (grid.hop_length / grid.sample_rate)
        return seconds * (stft.sample_rate / stft.hop_length)

    def n_ready(self, n_masks: int) -> int:
        """Returns how many frames can be read once `n_masks` frames are known."""
        if self.same or n_masks == 0:
            return n_masks
        ready = math.ceil((n_masks - 1) / float(self.positions(np.ones(1))[0]))
        return max(0, ready - 1)  # one less, whatever the rounding

    def read(self, masks: FloatArray, first_mask: int, frames: range) -> FloatArray:
        """Returns the masks of `frames` of the grid.

        Args:
            masks: the model's, `(K, model_frames, model_bins)`.
            first_mask: number of the first of these frames in the song.
            frames: wanted frames of the grid.

        Returns:
            `(K, frames, bins)`.
        """
        if self.same:
            return masks[:, frames.start - first_mask : frames.stop - first_mask]
        numbers = np.arange(frames.start, frames.stop, dtype=np.float64)
        position = np.clip(self.positions(numbers) - first_mask, 0, masks.shape[1] - 1)
        below = position.astype(int)
        share = (position - below).astype(np.float32)[:, None]
        above = np.minimum(below + 1, masks.shape[1] - 1)
        timed = masks[:, below] * (1 - share) + masks[:, above] * share
        return self._spread(timed)

    def _spread(self, masks: FloatArray) -> FloatArray:
        """Interpolates along frequency; `(K, frames, model_bins)` -> `(..., bins)`."""
        carried = np.empty((*masks.shape[:2], self.grid.n_bins), np.float32)
        n_read = len(self._below)
        carried[..., n_read:] = masks[..., self._top].mean(axis=-1, keepdims=True)
        lower, upper = masks[..., self._below], masks[..., self._below + 1]
        carried[..., :n_read] = lower * (1 - self._share) + upper * self._share
        return carried


def full_band_masks(
    masks: FloatArray, sample_rate: int, n_samples: int, stft: STFTConfig
) -> FloatArray:
    """Carries the masks of a whole song in one go (the rule's plain form).

    Args:
        masks: `(K, model_frames, model_bins)`.
        sample_rate: of the song, in Hz.
        n_samples: of the song.
        stft: the model's front end.

    Returns:
        `(K, frames, bins)` on `carrier_grid(sample_rate, stft)`.
    """
    grid = carrier_grid(sample_rate, stft)
    carrier = MaskCarrier(grid, stft)
    return carrier.read(masks, 0, range(grid.n_frames(n_samples)))
