"""Pedalboard's effects on arrays of shape (samples,) or (samples, 2).

Stereo lies in memory one channel after the other (Fortran order) wherever the desk
works on it, for effects want each channel in one piece.
"""

from collections.abc import Sequence

import numpy as np
import pedalboard

from keras_munet.dsp import FloatArray
from keras_munet.studio.score import RATE


def run(
    plugins: Sequence[pedalboard.Plugin], sound: FloatArray, rate: float = RATE
) -> FloatArray:
    """Sends a sound through effects, one after the other.

    Args:
        plugins: new ones, so that nothing of an earlier sound is in them.
        sound: `(samples,)` or `(samples, 2)`, float32.
        rate: samples per second.

    Returns:
        What comes out, of the same shape; a new array unless there are no plugins.
    """
    if not plugins:
        return sound
    board = pedalboard.Pedalboard(list(plugins))  # type: ignore[attr-defined]
    played = board(np.ascontiguousarray(sound.T), rate, buffer_size=32768)
    heard: FloatArray = played.T
    return heard
