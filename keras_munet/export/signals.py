"""What `verify` listens to: generated music with known sources, and edge cases."""

import functools
from collections.abc import Iterator

import numpy as np

from keras_munet.audio.resample import downmix, resample
from keras_munet.config import ModelConfig
from keras_munet.dsp import FloatArray
from keras_munet.music import engine
from keras_munet.music.tones import RATE

MUSIC_S = 20.0
"""Length of the test music, in seconds."""


@functools.cache
def _tracks(seed: int) -> dict[str, FloatArray]:
    return engine.make_track(seed, 0, MUSIC_S)


def music_sources(config: ModelConfig) -> dict[str, FloatArray]:
    """Returns generated music at the model's rate: stems, `accompaniment`, `mixture`.

    The mixture has the noise of a dithered 16 bit file, and no multiple of a
    window's length. Without noise the bins above the resampler's limit hold nothing
    but float32 rounding, whose logarithm the network would hear: there no two
    implementations agree (measured: 78 dB instead of 90).
    """
    stems = {
        name: downmix(resample(sound, RATE, config.stft.sample_rate))
        for name, sound in _tracks(0).items()
    }
    stems["accompaniment"] = stems["drums"] + stems["bass"] + stems["other"]
    rng, step = np.random.default_rng(0), 2.0**-15
    dither = rng.uniform(-0.5, 0.5, (2, len(stems["mixture"]))).sum(axis=0)
    rounded = np.rint(stems["mixture"] / step + dither) * step
    stems["mixture"] = rounded.astype(np.float32)
    return stems


def edge_signals(config: ModelConfig) -> Iterator[FloatArray]:
    """Yields one window each of silence, impulses at both ends, full-scale noise."""
    length = config.stft.chunk_length
    yield np.zeros(length, np.float32)
    for place in (0, -1):
        impulse = np.zeros(length, np.float32)
        impulse[place] = 1.0
        yield impulse
    rng = np.random.default_rng(0)
    yield rng.uniform(-1, 1, length).astype(np.float32)


def cut(signal: FloatArray, length: int) -> FloatArray:
    """Cuts `(samples,)` into windows `(n, length)`, the last filled with zeros."""
    padded = np.pad(signal, (0, -len(signal) % length))
    return padded.reshape(-1, length).astype(np.float32)
