"""One loudness for all parts, so that `level_db` says how they compare."""

import numpy as np
import scipy.signal

from keras_munet.dsp import FloatArray
from keras_munet.studio.score import RATE, Score

_TARGET = 10 ** (-20 / 20)  # root mean square while something sounds
_PEAK = 1.0
_LOWEST_HZ = 22.0
_BLOCK = RATE // 10
_QUIET = 0.1  # blocks below this share of the loudest one count as rests


def even(sound: FloatArray) -> FloatArray:
    """Brings a part to -20 dB while it plays, or to a peak of 1 if that comes first.

    Offsets from zero and rumble, which some sampled strings have, go first.

    Args:
        sound: `(n_samples, 2)`.
    """
    sos = scipy.signal.butter(1, _LOWEST_HZ, "highpass", fs=RATE, output="sos")
    sound = scipy.signal.sosfilt(sos.astype(np.float32), sound, axis=0)
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


def follow(sound: FloatArray, score: Score, depth: float) -> FloatArray:
    """Makes a part softer in quiet sections, with a fade of a sixteenth.

    Args:
        sound: `(n_samples, 2)`, changed in place.
        score: the song.
        depth: by what share the most quiet section is turned down, from 0 to 1.
    """
    gains = [1 - depth * (1 - section.intensity) for section in score.sections]
    starts = [round(score.step_s(s.first_bar, 0) * RATE) for s in score.sections]
    fade = round(score.beat_s / 4 * RATE)
    before = gains[0]
    for gain, start, stop in zip(gains, starts, [*starts[1:], len(sound)], strict=True):
        sound[start:stop] *= np.float32(gain)
        ramp = np.linspace(before / gain, 1, fade, dtype=np.float32)[:, None]
        part = sound[start : min(start + fade, stop)]
        part *= ramp[: len(part)]
        before = gain
    return sound
