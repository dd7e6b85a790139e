"""The sound of a record: what all channels of a song have in common."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Era:
    """Ranges from which a song's sound is drawn.

    Attributes:
        weight: how often, beside the others.
        width: scale of the stereo differences.
        hard_pan: chance that parts stand wholly left or right.
        mono: chance that the whole record is mono.
        decay_s: of the long reverberation.
        wet_db: added to every reverberation.
        gated: chance that the drums' room is cut off.
        drive: chance that a channel is saturated, times its role's chance.
        squeeze: compression, times what the role has.
        bus_db: gain reduction that the bus compressor aims at.
        loudness_db: over the average record.
        top_hz: where the record's treble ends.
        bottom_hz: where its bass ends.
    """

    weight: float
    width: tuple[float, float] = (0.7, 1.2)
    hard_pan: float = 0.05
    mono: float = 0.01
    decay_s: tuple[float, float] = (0.8, 3.0)
    wet_db: tuple[float, float] = (-5.0, 2.0)
    gated: float = 0.0
    drive: float = 1.0
    squeeze: float = 1.0
    bus_db: tuple[float, float] = (0.0, 3.0)
    loudness_db: tuple[float, float] = (-2.0, 3.0)
    top_hz: tuple[float, float] = (20000.0, 20000.0)
    bottom_hz: tuple[float, float] = (20.0, 35.0)


ERAS = {
    "natural": Era(2.0, squeeze=0.6, bus_db=(0, 1), loudness_db=(-5, 0), drive=0.3),
    "sixties": Era(
        1.0,
        width=(0.2, 0.8),
        hard_pan=0.6,
        mono=0.25,
        decay_s=(1.0, 2.5),
        wet_db=(-2, 4),
        drive=2.0,
        loudness_db=(-4, 0),
        top_hz=(7000, 14000),
        bottom_hz=(45, 80),
    ),
    "seventies": Era(
        1.5,
        decay_s=(0.4, 1.6),
        wet_db=(-8, 0),
        drive=1.5,
        top_hz=(11000, 17000),
        bottom_hz=(30, 55),
    ),
    "eighties": Era(
        1.2,
        width=(0.9, 1.4),
        decay_s=(1.5, 3.0),
        wet_db=(1, 6),
        gated=0.5,
        drive=0.5,
        loudness_db=(-4, 1),
    ),
    "nineties": Era(2.0),
    "modern": Era(
        2.5, width=(0.8, 1.4), wet_db=(-10, 0), squeeze=1.3, loudness_db=(0, 4)
    ),
    "loud": Era(
        1.5,
        wet_db=(-10, -2),
        squeeze=1.6,
        drive=1.5,
        bus_db=(2, 6),
        loudness_db=(3, 7),
    ),
    "lofi": Era(
        0.8,
        width=(0.2, 0.9),
        mono=0.1,
        drive=2.5,
        bus_db=(2, 6),
        top_hz=(3500, 9000),
        bottom_hz=(40, 120),
    ),
    "bedroom": Era(
        1.0, width=(0.4, 1.0), decay_s=(0.3, 1.0), wet_db=(-14, -4), squeeze=0.7
    ),
    "live": Era(
        1.0, decay_s=(1.0, 2.8), wet_db=(2, 7), squeeze=0.8, loudness_db=(-4, 1)
    ),
}

_NOT = {"electronic": ("sixties", "seventies"), "hip-hop": ("sixties", "live")}


@dataclass(frozen=True)
class Sound:
    """One song's sound; the fields are those of `Era`, drawn."""

    era: str
    width: float
    hard_pan: bool
    is_mono: bool
    decay_s: float
    wet_db: float
    gated: bool
    drive: float
    squeeze: float
    bus_db: float
    loudness_db: float
    top_hz: float
    bottom_hz: float


def draw_sound(rng: np.random.Generator, style: str) -> Sound:
    """Draws an era that goes with the style, and a sound within it."""
    names = [name for name in ERAS if name not in _NOT.get(style, ())]
    weights = np.array([ERAS[name].weight for name in names])
    name = str(rng.choice(names, p=weights / weights.sum()))
    era = ERAS[name]
    return Sound(
        era=name,
        width=rng.uniform(*era.width),
        hard_pan=bool(rng.random() < era.hard_pan),
        is_mono=bool(rng.random() < era.mono),
        decay_s=rng.uniform(*era.decay_s),
        wet_db=rng.uniform(*era.wet_db),
        gated=bool(rng.random() < era.gated),
        drive=era.drive,
        squeeze=era.squeeze * rng.uniform(0.7, 1.2),
        bus_db=rng.uniform(*era.bus_db),
        loudness_db=rng.uniform(*era.loudness_db),
        top_hz=rng.uniform(*era.top_hz),
        bottom_hz=rng.uniform(*era.bottom_hz),
    )
