"""Where a sound stands between the loudspeakers, and how wide it is."""

import numpy as np
import pedalboard

from keras_munet.dsp import FloatArray
from keras_munet.studio.desk.plugins import run


def pair(left: FloatArray, right: FloatArray) -> FloatArray:
    """Returns two channels as one array, `(samples, 2)`."""
    return np.stack([left, right]).T


def silence(n_samples: int) -> FloatArray:
    """Returns zeros, `(n_samples, 2)`."""
    return np.zeros((2, n_samples), np.float32).T


def is_mono(sound: FloatArray) -> bool:
    """Tells whether both channels of `(samples, 2)` are the same."""
    return np.array_equal(sound[:, 0], sound[:, 1])


def mid(sound: FloatArray) -> FloatArray:
    """Returns the mean of the channels, `(samples,)`; mono stays as it is."""
    if sound.ndim == 1:
        return sound
    half: FloatArray = (sound[:, 0] + sound[:, 1]) * np.float32(0.5)
    return half


def placed(sound: FloatArray, position: float) -> FloatArray:
    """Pans mono, or balances stereo, with constant power.

    Args:
        sound: `(samples,)` or `(samples, 2)`.
        position: -1 is left, 1 is right; 0 leaves a sound as it is.

    Returns:
        `(samples, 2)`.
    """
    angle = (np.clip(position, -1, 1) + 1) * np.pi / 4
    gains = np.sqrt(2) * np.array([np.cos(angle), np.sin(angle)])
    left, right = (sound, sound) if sound.ndim == 1 else sound.T
    return pair(left * np.float32(gains[0]), right * np.float32(gains[1]))


def widened(sound: FloatArray, width: float) -> FloatArray:
    """Scales the difference of the channels; 0 is mono, 1 leaves it as it is."""
    if width == 1 or sound.ndim == 1:
        return sound
    centre = mid(sound)
    side = (sound[:, 0] - sound[:, 1]) * np.float32(0.5 * width)
    return pair(centre + side, centre - side)


def doubled(rng: np.random.Generator, sound: FloatArray) -> FloatArray:
    """Makes mono wide: a wavering echo of 12 to 30 ms on the other side."""
    chorus = pedalboard.Chorus(
        rate_hz=rng.uniform(0.2, 1.0),
        depth=rng.uniform(0.05, 0.25),
        centre_delay_ms=rng.uniform(12, 30),
        feedback=0.0,
        mix=1.0,
    )
    channels = [mid(sound), run([chorus], mid(sound))]
    return pair(*channels) if rng.random() < 0.5 else pair(*channels[::-1])
