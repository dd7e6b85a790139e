"""The guitar amplifier: it is part of the instrument, so it is not left to the desk."""

import numpy as np
import scipy.signal

from keras_munet.dsp import FloatArray
from keras_munet.music import tones

_OVERSAMPLING = 2


def _peak(wave: FloatArray, centre_hz: float, gain_db: float, q: float) -> FloatArray:
    """Raises or lowers a band around a frequency (Audio EQ Cookbook's peaking EQ)."""
    omega = 2 * np.pi * centre_hz / tones.RATE
    a, alpha = 10 ** (gain_db / 40), np.sin(omega) / (2 * q)
    b = [1 + alpha * a, -2 * np.cos(omega), 1 - alpha * a]
    c = [1 + alpha / a, -2 * np.cos(omega), 1 - alpha / a]
    filtered = scipy.signal.lfilter(
        np.asarray(b, np.float32), np.asarray(c, np.float32), wave
    )
    return np.asarray(filtered, np.float32)


def amplify(rng: np.random.Generator, sound: FloatArray, gain_db: float) -> FloatArray:
    """Plays a guitar through an amplifier and its loudspeaker.

    Args:
        rng: draws the amplifier.
        sound: `(n, 2)`; a guitar has one pickup, so both sides are added.
        gain_db: 10 is clean with warm peaks, 30 crunches, 50 sustains.

    Returns:
        `(n, 2)`, both sides alike.
    """
    wave = sound.mean(axis=1)
    wave /= np.float32(np.abs(wave).max() + 1e-9)
    wave = tones.band(wave, rng.uniform(70, 180), float(tones.RATE))
    wave = _peak(wave, rng.uniform(500, 1400), rng.uniform(0, 8), 0.7)
    up = scipy.signal.resample_poly(wave, _OVERSAMPLING, 1)
    bias = np.float32(rng.uniform(0.0, 0.3))
    driven = np.tanh(up * np.float32(10 ** (gain_db / 20)) + bias) - np.tanh(bias)
    wave = scipy.signal.resample_poly(driven, 1, _OVERSAMPLING).astype(np.float32)
    wave = _peak(wave, rng.uniform(350, 700), -rng.uniform(0, 7), 0.8)
    wave = _peak(wave, rng.uniform(2000, 3500), rng.uniform(2, 8), 1.0)
    wave = tones.band(wave, rng.uniform(60, 110), rng.uniform(3800, 6000), order=3)
    return np.repeat(wave[:, None], 2, axis=1)
