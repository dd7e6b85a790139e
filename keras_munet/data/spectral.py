"""Speed and equaliser: chunks that sound like other singers, instruments and desks.

Both work on the spectrum of a whole chunk: a curve laid on it is an equaliser, and the
inverse transform at another length resamples, which moves pitch, formants and tempo
together.
"""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from keras_munet.dsp import FloatArray, band_weights

Complex = NDArray[np.complex64]

EDGE = 0.91
"""Share of half the rate up to which resampled music is whole (`resample.QUALITY`)."""


def transform(
    signals: FloatArray, speeds: FloatArray, band_gains: FloatArray, sample_rate: int
) -> FloatArray:
    """Plays each signal of each chunk at its own speed through its own equaliser.

    The middle of a chunk stays in the middle: what is longer is cut at both ends, and
    what is shorter goes on in circles. What is slower is folded into the band above it,
    and the uppermost band falls off as that of any resampled music. (A network hears
    logarithms: silence where music has none, or sound where it is always silent, would
    move the statistics of BatchNorm away from those of songs.)

    Args:
        signals: `(batch, chunk_length, K + 1)`.
        speeds: factors of all frequencies, `(batch, K + 1)`. Lengths are rounded to
            such as transform quickly, which changes a factor by 1 % or so at most.
        band_gains: decibels at `dsp.BANDS_HZ`, `(batch, K + 1, bands)`.
        sample_rate: in Hz.

    Returns:
        float32, of the shape of `signals`. A signal of speed 1 and no gain is
        returned as it was.
    """
    n_samples = signals.shape[1]
    weights = band_weights(n_samples, sample_rate)
    result = np.array(signals, np.float32)
    changed = (speeds != 1) | (band_gains != 0).any(axis=-1)
    for place, k in np.argwhere(changed):
        spectrum = scipy.fft.rfft(np.ascontiguousarray(signals[place, :, k]))
        spectrum *= np.exp(band_gains[place, k] @ weights)
        result[place, :, k] = _resampled(spectrum, n_samples, speeds[place, k])
    return result


def _resampled(spectrum: Complex, n_samples: int, speed: float) -> FloatArray:
    """Returns `n_samples` of what the spectrum of as many is at another speed."""
    if speed == 1:
        same: FloatArray = scipy.fft.irfft(spectrum, n_samples)
        return same
    length = scipy.fft.next_fast_len(round(n_samples / speed))
    edge = round(EDGE * n_samples / 2)
    folded = np.concatenate([spectrum[:edge], spectrum[edge::-1].conj()])
    wanted = np.zeros(length // 2 + 1, np.complex64)
    top = min(len(folded), len(wanted))
    wanted[:top] = folded[:top]
    # From the edge to half the rate down to nothing, as a resampler's filter.
    place = np.linspace(0, 1, len(wanted), dtype=np.float32)
    fall = (place.clip(min=EDGE) - EDGE) / (1 - EDGE)
    wanted *= 0.5 + 0.5 * np.cos(np.pi * fall)
    played: FloatArray = scipy.fft.irfft(wanted, length)
    played *= np.float32(length / n_samples)
    if length >= n_samples:
        start = (length - n_samples) // 2
        return played[start : start + n_samples]
    before = (n_samples - length) // 2
    return np.pad(played, (before, n_samples - length - before), mode="wrap")
