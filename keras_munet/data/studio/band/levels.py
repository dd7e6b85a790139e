"""One loudness for all parts, so that `level_db` says how they compare."""

import numpy as np

from keras_munet.data.studio.score import RATE
from keras_munet.dsp import FloatArray

_TARGET = 10 ** (-20 / 20)  # root mean square while something sounds
_PEAK = 1.0
_BLOCK = RATE // 10
_QUIET = 0.1  # blocks below this share of the loudest one count as rests


def even(sound: FloatArray) -> FloatArray:
    """Brings a part to -20 dB while it plays, or to a peak of 1 if that comes first.

    Args:
        sound: `(n_samples, 2)`, changed in place.
    """
    n = len(sound) // _BLOCK * _BLOCK
    blocks = sound[:n].reshape(-1, _BLOCK * 2) if n else sound.reshape(1, -1)
    loud = np.sqrt(np.einsum("ij,ij->i", blocks, blocks) / blocks.shape[1])
    playing = loud[loud > _QUIET * loud.max()]
    peak = float(np.abs(sound).max())
    if not len(playing) or peak < 1e-6:
        return sound
    level = float(np.sqrt(np.mean(playing**2)))
    sound *= np.float32(min(_TARGET / level, _PEAK / peak))
    return sound
