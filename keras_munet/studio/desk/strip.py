"""A channel strip: what one dry part passes on its way to its stem."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.studio.desk import dynamics, levels, stereo, tone
from keras_munet.studio.desk.era import Sound
from keras_munet.studio.desk.plugins import run
from keras_munet.studio.score import RATE, Part

_TAIL = RATE // 10  # samples after a part's last one that effects may fill
_LINE_LEVEL = 0.1  # RMS at which a part meets the compressor


class Squeeze(NamedTuple):
    """How a role is compressed: chance, and ranges."""

    chance: float
    depth_db: tuple[float, float]  # of the threshold under the part's peaks
    ratio: tuple[float, float]
    attack_ms: tuple[float, float]
    release_ms: tuple[float, float]


_VOICE = Squeeze(0.9, (6, 16), (2.5, 8), (1, 10), (40, 150))
_BACKING = Squeeze(0.8, (6, 16), (2.5, 8), (1, 10), (50, 200))
_DRUMS = Squeeze(0.6, (4, 14), (2, 6), (3, 30), (50, 250))
_BASS = Squeeze(0.8, (5, 14), (2.5, 8), (4, 30), (60, 250))
_REST = Squeeze(0.5, (4, 12), (1.5, 4), (3, 30), (80, 300))
_SQUEEZE = {
    "lead": _VOICE,
    **dict.fromkeys(("double", "harmony", "choir"), _BACKING),
    **dict.fromkeys(("kit", "machine", "percussion"), _DRUMS),
    "bass": _BASS,
}
_DRIVE = {"lead": 0.12, "kit": 0.2, "machine": 0.3, "bass": 0.35, "guitar": 0.25}
_RARELY_DRIVEN = 0.08
_SIDES = {  # how far from the centre a part may be put when nobody has placed it
    "lead": 0.05,
    "double": 0.8,
    "harmony": 0.6,
    "choir": 0.3,
    "kit": 0.1,
    "machine": 0.1,
    "percussion": 0.6,
    "bass": 0.05,
    "chords": 0.5,
    "melody": 0.5,
    "pad": 0.2,
    "guitar": 0.9,
    "solo": 0.3,
    "fx": 0.6,
}
_DOUBLED = {"lead": 0.06, "double": 0.2, "choir": 0.5, "pad": 0.5, "guitar": 0.25}
_CENTRED = ("lead", "bass", "kit", "machine")


@dataclass(frozen=True)
class Played:
    """A part as it leaves its strip.

    Attributes:
        role: of the part.
        start: first sample of the song in which it sounds.
        sound: `(samples, 2)`.
    """

    role: str
    start: int
    sound: FloatArray


def _active(sound: FloatArray) -> tuple[int, int]:
    """Returns the first sample that is not zero, and the end of the tail."""
    loud = np.flatnonzero(dynamics.peaks(sound))
    if not len(loud):
        return 0, 0
    stop = (int(loud[-1]) + 1) * dynamics.BLOCK + _TAIL
    return int(loud[0]) * dynamics.BLOCK, min(len(sound), stop)


def _squeezed(
    rng: np.random.Generator, sound: FloatArray, role: str, amount: float
) -> FloatArray:
    """Compresses as the role has it, counted from the part's usual peaks."""
    squeeze = _SQUEEZE.get(role, _REST)
    if rng.random() >= squeeze.chance:
        return sound
    peaks = dynamics.peaks(sound)
    usual = float(np.quantile(peaks[peaks > 0.01 * peaks.max()], 0.9))
    depth_db = rng.uniform(*squeeze.depth_db) * amount
    gains = dynamics.compression(
        peaks,
        threshold_db=20 * float(np.log10(usual)) - depth_db,
        ratio=rng.uniform(*squeeze.ratio),
        attack_ms=rng.uniform(*squeeze.attack_ms),
        release_ms=rng.uniform(*squeeze.release_ms),
    )
    return dynamics.shaped(sound, gains)


def saturated(sound: FloatArray, drive: float, bias: float = 0.0) -> FloatArray:
    """Bends peaks like a tube or tape; silence stays silence.

    Args:
        sound: of RMS `_LINE_LEVEL`.
        drive: gain into the bend.
        bias: asymmetry, which adds even harmonics.
    """
    bent: FloatArray = np.tanh(np.float32(drive) * sound + np.float32(bias))
    bent -= np.tanh(np.float32(bias))
    return bent


def _driven(
    rng: np.random.Generator, sound: FloatArray, role: str, amount: float
) -> FloatArray:
    chance = _DRIVE.get(role, _RARELY_DRIVEN) * amount
    if rng.random() >= chance:
        return sound
    drive = float(np.exp(rng.uniform(np.log(1.5), np.log(8.0))))
    return saturated(sound, drive, bias=float(rng.choice([0.0, rng.uniform(0, 0.4)])))


def _position(rng: np.random.Generator, part: Part, sound: Sound) -> float:
    """The player's place, or one that suits the role; on old records all the way."""
    reach = _SIDES.get(part.role, 0.4)
    place = part.pan or float(rng.uniform(-reach, reach))
    if sound.hard_pan and part.role not in _CENTRED:
        return float(rng.choice([-1.0, 1.0]) * rng.uniform(0.7, 1.0))
    return place


def play(rng: np.random.Generator, part: Part, sound: Sound) -> Played:
    """Sends a part through its strip.

    Args:
        rng: draws the settings.
        part: dry.
        sound: of the record.

    Returns:
        The part at its level and place; empty for a silent part.
    """
    start, stop = _active(part.sound)
    dry = part.sound[start:stop]
    if start == stop:
        return Played(part.role, 0, dry)
    one = stereo.is_mono(dry)
    x = np.ascontiguousarray(dry[:, 0]) if one else np.asfortranarray(dry)
    x = x * np.float32(_LINE_LEVEL / levels.rms(x))
    x = run(tone.equalizer(rng, part.role), x)
    x = _squeezed(rng, x, part.role, sound.squeeze)
    x = _driven(rng, x, part.role, sound.drive)
    x = run(tone.modulation(rng, part.role), x)
    wide = rng.random() < _DOUBLED.get(part.role, 0.0) and not sound.is_mono
    if x.ndim == 1 and wide:
        x = stereo.doubled(rng, x)
    x = stereo.widened(x, 0.0 if sound.is_mono else sound.width)
    position = 0.0 if sound.is_mono else _position(rng, part, sound)
    gain = levels.fader(rng, part) / (levels.rms(x) + 1e-9)
    return Played(part.role, start, stereo.placed(x, position) * np.float32(gain))
