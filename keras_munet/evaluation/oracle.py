"""The ideal amplitude masks: how well masking with the mixture's phase can do."""

import numpy as np
from numpy.typing import NDArray

from keras_munet import dsp

Array = NDArray[np.floating]

_BLOCK_FRAMES = 512
_FLOOR = 1e-12


def ideal_estimates(
    sources: Array, mixture: Array, *, n_fft: int, hop_length: int
) -> Array:
    """Returns what the ideal amplitude masks |S_i| / |S| make of the mixture.

    Masks are limited to `dsp.MASK_LIMIT` and multiplied with the mixture's spectrogram,
    so that the phase is the mixture's. Works block by block, with enough context
    that the blocks do not show.

    Args:
        sources: `(K, samples, channels)`.
        mixture: `(samples, channels)`.
        n_fft: window length, in samples, even.
        hop_length: samples from one frame to the next.

    Returns:
        float32, `(K, samples, channels)`.

    Reference:
        Kadandale et al. 2020, section III (ideal amplitude mask).
    """
    estimates = np.empty(sources.shape, np.float32)
    n_samples, context = len(mixture), 2 * n_fft
    step = _BLOCK_FRAMES * hop_length
    context += -context % hop_length  # blocks start on whole frames
    for start in range(0, n_samples, step):
        first, stop = max(start - context, 0), min(start + step, n_samples)
        last = min(stop + context, n_samples)
        if last == n_samples and last - first <= n_fft:  # too short to be reflected
            first = 0
        for channel in range(mixture.shape[1]):
            block = _masked(
                sources[:, first:last, channel],
                mixture[first:last, channel],
                n_fft,
                hop_length,
            )
            estimates[:, start:stop, channel] = block[:, start - first : stop - first]
    return estimates


def _masked(sources: Array, mixture: Array, n_fft: int, hop_length: int) -> Array:
    """Masks one block of one channel: `(K, samples)`."""
    spectrum = dsp.stft(mixture, n_fft=n_fft, hop_length=hop_length)
    estimates = []
    for source in sources:
        magnitude = np.abs(dsp.stft(source, n_fft=n_fft, hop_length=hop_length))
        mask = magnitude / np.maximum(np.abs(spectrum), _FLOOR)
        masked = spectrum * np.minimum(mask, dsp.MASK_LIMIT)
        estimates.append(
            dsp.istft(masked, n_fft=n_fft, hop_length=hop_length, length=len(mixture))
        )
    return np.stack(estimates)
