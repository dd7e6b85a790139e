"""The glottis and the breath: a train of pulses, and noise."""

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.studio.score import RATE

_TAPS = 24


def pulses(
    rng: np.random.Generator,
    f0: FloatArray,
    *,
    jitter: float = 0.004,
    shimmer: float = 0.03,
    rough: float = 0.0,
) -> FloatArray:
    """A train of band-limited pulses of unit mean power.

    Args:
        rng: draws the irregularity.
        f0: `(samples,)`, pitch at `RATE` in Hz.
        jitter: standard deviation of a pulse's place, in periods.
        shimmer: of its height, as a share.
        rough: from 0 to 1, how much weaker every second pulse is, as in a growl.

    Returns:
        `(samples,)`; the spectrum is flat, with partials at the multiples of `f0`.
    """
    n = len(f0)
    phase = np.cumsum(f0) / RATE
    count = int(phase[-1])
    if count < 1:
        return np.zeros(n, np.float32)
    places = np.arange(1, count + 1) + rng.normal(0, jitter, count)
    at = np.interp(places, phase, np.arange(n))
    height = np.sqrt(RATE / np.interp(at, np.arange(n), f0))
    height *= 1 + rng.normal(0, shimmer, count)
    height[::2] *= 1 - rough * rng.uniform(0.6, 1.0, len(height[::2]))
    return _scatter(at, height, n)


def _scatter(at: FloatArray, height: FloatArray, n: int) -> FloatArray:
    """Adds a windowed sinc at each fractional place."""
    base = np.floor(at).astype(np.int64)
    taps = np.arange(_TAPS) - _TAPS // 2 + 1
    offset = taps[None, :] - (at - base)[:, None]
    shape = np.sinc(offset) * np.cos(np.pi * offset / (_TAPS + 2)) ** 2
    index = base[:, None] + taps[None, :]
    inside = (index >= 0) & (index < n)
    weights = (height[:, None] * shape)[inside]
    return np.bincount(index[inside], weights, minlength=n).astype(np.float32)


def breath(rng: np.random.Generator, f0: FloatArray, voiced: FloatArray) -> FloatArray:
    """Noise of unit power that swells with every opening where the voice sounds.

    Args:
        rng: draws the noise.
        f0: `(samples,)` in Hz.
        voiced: `(samples,)`, from 0 to 1.
    """
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    swell = 1 + 0.6 * voiced * np.cos(phase)
    noise = rng.standard_normal(len(f0), dtype=np.float32)
    return (noise * swell).astype(np.float32)
