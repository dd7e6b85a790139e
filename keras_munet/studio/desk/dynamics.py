"""Compression and limiting as gain curves, computed once per block of samples.

A curve follows the louder of both channels, so the stereo picture stays where it is,
and it can be laid on several sounds alike.
"""

import numpy as np
import pedalboard

from keras_munet.dsp import FloatArray
from keras_munet.studio.desk.plugins import run
from keras_munet.studio.score import RATE

BLOCK = 32
"""Samples per block, 0.7 ms."""

_FLOOR = np.float32(1e-6)


def peaks(sound: FloatArray) -> FloatArray:
    """Returns the peak of each block of `(samples,)` or `(samples, channels)`."""
    channels = sound.reshape(len(sound), -1).T  # (channels, samples)
    n_whole = len(sound) // BLOCK * BLOCK
    highest = np.zeros(-(-len(sound) // BLOCK), np.float32)
    for channel in channels:
        blocks = channel[:n_whole].reshape(-1, BLOCK)
        loudest = np.maximum(blocks.max(axis=1), -blocks.min(axis=1))
        whole = highest[: len(loudest)]
        np.maximum(whole, loudest, out=whole)
        if n_whole < len(sound):
            highest[-1] = max(highest[-1], np.abs(channel[n_whole:]).max())
    return highest


def compression(
    levels: FloatArray,
    *,
    threshold_db: float,
    ratio: float,
    attack_ms: float,
    release_ms: float,
) -> FloatArray:
    """Returns a gain for each block, as a compressor gives it.

    Args:
        levels: peak of each block.
        threshold_db: level below which nothing happens.
        ratio: dB in for one dB out above it.
        attack_ms: time to turn down.
        release_ms: time to come back.
    """
    compressor = pedalboard.Compressor(threshold_db, ratio, attack_ms, release_ms)
    fed = levels + _FLOOR
    gains: FloatArray = run([compressor], fed, RATE / BLOCK) / fed
    return gains


def limiting(
    levels: FloatArray,
    *,
    ceiling: float,
    attack_db_s: float = 4000.0,
    release_db_s: float = 60.0,
) -> FloatArray:
    """Returns a gain for each block that brings every peak under the ceiling.

    It looks ahead: the gain ramps down, linearly in dB, before a peak.

    Args:
        levels: peak of each block.
        ceiling: highest peak that may remain.
        attack_db_s: slope before a peak.
        release_db_s: slope after it.
    """
    excess = 20 * np.log10(np.maximum(levels / ceiling, 1.0).astype(np.float64))
    for slope in (release_db_s, attack_db_s):  # forward in time, then backward
        ramp = np.arange(len(excess)) * (slope * BLOCK / RATE)
        excess = (np.maximum.accumulate(excess + ramp) - ramp)[::-1]
    gains: FloatArray = (10 ** (-excess / 20)).astype(np.float32)
    return gains


def joined(ends: FloatArray, n_samples: int, step: int = BLOCK) -> FloatArray:
    """Draws straight lines through values that lie `step` samples apart."""
    ramp = np.arange(step, dtype=np.float32) / np.float32(step)
    lines = ends[:-1, None] + np.diff(ends)[:, None] * ramp
    line: FloatArray = lines.ravel()[:n_samples]
    return line


def curve(gains: FloatArray, n_samples: int) -> FloatArray:
    """Joins block gains to a gain per sample that is nowhere above its block's."""
    ends = np.concatenate([gains[:1], np.minimum(gains[:-1], gains[1:]), gains[-1:]])
    return joined(ends, n_samples)


def shaped(sound: FloatArray, gains: FloatArray) -> FloatArray:
    """Lays block gains on a sound."""
    line = curve(gains, len(sound))
    return sound * (line if sound.ndim == 1 else line[:, None])
