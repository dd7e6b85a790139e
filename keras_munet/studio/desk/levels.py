"""How loud parts are in a stem, stems in a song, and sections beside each other."""

import numpy as np

from keras_munet import dsp
from keras_munet.audio.resample import downmix, resample
from keras_munet.config import STFTConfig
from keras_munet.dsp import FloatArray
from keras_munet.studio.desk import dynamics
from keras_munet.studio.score import RATE, Part, Score

ENERGIES = {"vocals": 173.4346, "drums": 218.6938, "bass": 252.7046, "other": 216.4932}
"""Energies of 6 s that the authors measured on MUSDB18: mono, 10 880 Hz."""

_PLAYING = {"vocals": 0.5, "drums": 0.9, "bass": 0.9, "other": 0.97}
"""Share of a song in which a stem usually plays."""

_STEM_SPREAD_DB = 3.3
_FADER_SPREAD_DB = 2.0
_BALANCE_DB = {  # of a part whose player has not said how loud it should be
    "double": -4,
    "harmony": -4,
    "choir": -5,
    "percussion": -6,
    "pad": -4,
}
_STEP = 64  # samples between the points of an automation curve
_AUDIBLE = 1e-4  # of the loudest block's energy: what counts as playing
_SECTION_SPREAD_DB = 0.8
_SECTION_RANGE_DB = {"vocals": 2.0, "drums": 4.0, "bass": 3.0, "other": 5.0}
"""Change of a stem's fader from the most quiet section to the loudest."""


def _decibels(gain_db: float) -> float:
    return float(10 ** (gain_db / 20))


def _playing_power(sound: FloatArray, block: int) -> float:
    """Mean square of the blocks in which something plays; 0 in silence."""
    block = min(block, len(sound))
    channels = sound[: len(sound) // block * block].reshape(-1, sound.ndim).T
    blocks = channels.reshape(sound.ndim, -1, block)
    powers = np.einsum("cij,cij->i", blocks, blocks) / (block * sound.ndim)
    loud = powers[powers > _AUDIBLE * powers.max()]
    return float(loud.mean()) if len(loud) else 0.0


def rms(sound: FloatArray) -> float:
    """Returns the level of a sound while it plays, at least 1e-9."""
    return max(1e-9, float(np.sqrt(_playing_power(sound, RATE // 10))))


def fader(rng: np.random.Generator, part: Part) -> float:
    """Draws the level of a part beside the others of its stem."""
    spread = rng.normal(0, _FADER_SPREAD_DB)
    level_db = part.level_db or _BALANCE_DB.get(part.role, 0)
    return _decibels(level_db + spread)


def stem_gain(rng: np.random.Generator, stem: str, sound: FloatArray) -> float:
    """Draws a stem's fader: MUSDB18's mean energy, spread from song to song.

    The energy is that of the seconds in which the stem plays, so that a single
    phrase in a song is as loud as a phrase among many.
    """
    rate, seconds = STFTConfig().sample_rate, 6.0
    spread_db = rng.normal(0, _STEM_SPREAD_DB)
    mono = resample(downmix(sound)[:, None], RATE, rate)[:, 0]
    power = _playing_power(mono, rate // 10)
    if power <= 1e-12:
        return 0.0 if dsp.energy(mono) == 0 else 1.0
    # The mean of exp(normal) lies above 1; the spread is to leave the mean alone.
    bias_db = _STEM_SPREAD_DB**2 * np.log(10) / 20
    target = ENERGIES[stem] / (seconds * rate * _PLAYING[stem])
    return float(np.sqrt(target / power)) * _decibels(spread_db - bias_db)


def ride(rng: np.random.Generator, score: Score, stem: str) -> FloatArray:
    """Draws a stem's automation: a gain per sample, which moves between sections.

    Instruments follow the intensity of the sections; a voice less, so that it is
    loud beside them in a verse.
    """
    bar_s = 4 * score.beat_s
    times, gains_db = [0.0], []
    for section in score.sections:
        gain = (section.intensity - 0.7) * _SECTION_RANGE_DB[stem] * rng.uniform(0, 1)
        gains_db.append(float(gain + rng.normal(0, _SECTION_SPREAD_DB)))
        times.append((section.first_bar + section.n_bars) * bar_s)
    glide_s = float(rng.uniform(0.02, 0.3))
    knots = [0.0]
    values = [gains_db[0]]
    changes = zip(times[1:-1], gains_db, gains_db[1:], strict=False)
    for time, before, after in changes:
        knots += [time - glide_s, time]
        values += [before, after]
    n_points = score.n_samples // _STEP + 2
    coarse = np.interp(np.arange(n_points) * _STEP / RATE, knots, values)
    gains = (10 ** (coarse / 20)).astype(np.float32)
    return dynamics.joined(gains, score.n_samples, _STEP)
