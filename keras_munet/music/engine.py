"""The plain engine: one song of simple tones, and what a song of any engine keeps.

Every song has a tempo, key, chords, timbres, places in the stereo picture and levels
of its own, drawn from (seed, index), and the energies of the stems keep the
proportions that MUSDB18 has. The law: the mixture is the exact sum of the stems.
"""

import functools

import numpy as np

from keras_munet import dsp
from keras_munet.audio.resample import downmix, resample
from keras_munet.config import STFTConfig
from keras_munet.dsp import FloatArray
from keras_munet.music import bass, chords, drums, voice
from keras_munet.music.song import STEMS, draw_song
from keras_munet.music.tones import RATE

ENERGIES = {"vocals": 173.4346, "drums": 218.6938, "bass": 252.7046, "other": 216.4932}
"""Energies that the authors measured on MUSDB18."""

_CREST = 4.0  # of a stem: where the soft limiter bends, in units of its level

_RENDER = {
    "vocals": voice.render,
    "drums": drums.render,
    "bass": bass.render,
    "other": chords.render,
}
_LEVEL_SPREAD = 0.4  # standard deviation of a stem's log energy from track to track
_PEAK = 0.98


def _energy(stereo: FloatArray) -> float:
    """Energy as training measures it: mono, 10 880 Hz."""
    mono = resample(downmix(stereo)[:, None], RATE, STFTConfig().sample_rate)[:, 0]
    return float(dsp.energy(mono))


def _limited(sound: FloatArray) -> FloatArray:
    """Bends peaks down, as mastering does; the level is that of the playing parts."""
    loud = sound[np.abs(sound).max(axis=1) > 1e-3 * np.abs(sound).max()]
    ceiling = np.float32(_CREST * np.sqrt(np.mean(loud**2)) + 1e-9)
    bent: FloatArray = ceiling * np.tanh(sound / ceiling)
    return bent


def require_length(seconds: float) -> None:
    """Refuses songs, of either engine, that would be shorter than a second."""
    if seconds < 1:
        raise ValueError(f"`seconds` must be at least 1. Received: seconds={seconds}")


def make_track(seed: int, index: int, seconds: float) -> dict[str, FloatArray]:
    """Plays one song.

    Args:
        seed: of the collection.
        index: of the song in it.
        seconds: length of the song.

    Returns:
        stem -> `(samples, 2)` at 44.1 kHz, multiples of 2**-15: `mixture` (the exact
        sum), `vocals`, `drums`, `bass`, `other`.

    Raises:
        ValueError: when the song would be shorter than a second.
    """
    require_length(seconds)
    song = draw_song(np.random.default_rng([seed, index]), seconds, RATE)
    stems = {}
    for number, name in enumerate(STEMS, start=1):
        rng = np.random.default_rng([seed, index, number])
        sound = _limited(_RENDER[name](rng, song))
        spread = np.exp(rng.normal(-(_LEVEL_SPREAD**2) / 2, _LEVEL_SPREAD))
        target = ENERGIES[name] * spread
        gain = np.sqrt(target / (_energy(sound) + 1e-12))
        stems[name] = sound * np.float32(gain)
    return with_mixture(stems)


def with_mixture(stems: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Rounds the stems to 16 bit, all turned down alike where needed, and adds them."""
    loudest = max(np.abs(sound).max() for sound in [*stems.values(), _sum(stems)])
    gain = np.float32(min(1.0, _PEAK / loudest) * 2**15)
    rounded: dict[str, FloatArray] = {
        name: np.round(sound * gain) / np.float32(2**15)
        for name, sound in stems.items()
    }
    return {"mixture": _sum(rounded), **rounded}


def _sum(stems: dict[str, FloatArray]) -> FloatArray:
    return functools.reduce(np.add, stems.values())
