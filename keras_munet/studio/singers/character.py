"""What tells one voice from another: vocal tract, source and habits."""

from dataclasses import dataclass, replace

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.studio.singers.analysis import BINS_HZ
from keras_munet.studio.singers.sounds import Singer

DB = float(np.log(10) / 20)
"""Log amplitude of a decibel."""

_REFERENCE_HZ = 700.0
_TILT_TO_HZ = 6000.0  # tilts end here


@dataclass(frozen=True)
class Character:
    """A voice.

    Attributes:
        shift: formants are scaled by this factor.
        skew: how much more (or less) the higher formants are scaled than the first.
        colour: `(bins,)`, log gain of the singer at the frequencies of an envelope.
        breath: from 0 to 1, share of noise in vowels.
        effort: from 0 to 1, how hard the voice is pressed.
        rough: from 0 to 1, how uneven the pulses are.
        drive: how far the sound is distorted; 0 leaves it alone.
        pulse: share of the voice in voiced sounds; 0 whispers.
        evenness: how much of the differences between syllables is taken away.
    """

    shift: float
    skew: float
    colour: FloatArray
    breath: float
    effort: float
    rough: float = 0.0
    drive: float = 0.0
    pulse: float = 1.0
    evenness: float = 0.7


def octaves(hz: float = _REFERENCE_HZ) -> FloatArray:
    """Octaves above a frequency, `(bins,)`, from 0 to where tilts end."""
    up = np.log2(np.maximum(BINS_HZ, 1.0) / hz)
    return np.clip(up, 0.0, np.log2(_TILT_TO_HZ / hz)).astype(np.float32)


def _bump(hz: float, width: float) -> FloatArray:
    """A bell of height 1 on the axis of octaves."""
    distance = np.log2(np.maximum(BINS_HZ, 1.0) / hz)
    return np.exp(-0.5 * (distance / width) ** 2).astype(np.float32)


def _colour(rng: np.random.Generator) -> FloatArray:
    """Draws a tilt, a singer's formant for some, and a few bumps; log gain."""
    gain = rng.normal(0.6, 1.1) * octaves()
    if rng.random() < 0.4:
        gain = gain + rng.uniform(4, 11) * _bump(rng.uniform(2600, 3400), 0.2)
    for low, high in ((300, 900), (900, 2200), (2200, 5000), (7000, 14000)):
        gain = gain + rng.normal(0, 2.0) * _bump(rng.uniform(low, high), 0.35)
    air = np.clip(np.log2(np.maximum(BINS_HZ, 1) / 8000), 0, 1.3)
    return np.asarray(DB * (gain + rng.normal(0, 3) * air), dtype=np.float32)


def draw_character(rng: np.random.Generator, singer: Singer) -> Character:
    """Draws a voice for a singer."""
    return Character(
        shift=float(rng.uniform(*singer.shift)),
        skew=float(rng.normal(0, 0.035)),
        colour=_colour(rng),
        breath=float(rng.beta(1.3, 3.5)),
        effort=float(rng.uniform(0.3, 0.75)),
        rough=float(rng.choice([0.0, 0.0, 0.0, rng.uniform(0.05, 0.2)])),
    )


def delivered(
    rng: np.random.Generator, character: Character, delivery: str
) -> Character:
    """Returns the voice as it is used for a delivery.

    Args:
        rng: draws how far it goes.
        character: the plain voice.
        delivery: `sung`, `rap`, `whisper`, `falsetto`, `shout`, `scream` or `growl`.
    """
    if delivery == "whisper":
        return replace(character, pulse=0.0, evenness=0.4)
    if delivery == "falsetto":
        breath = float(rng.uniform(0.35, 0.7))
        return replace(character, breath=breath, effort=float(rng.uniform(0.05, 0.3)))
    if delivery == "rap":
        return replace(character, effort=float(rng.uniform(0.4, 0.8)), evenness=0.5)
    if delivery in ("shout", "scream", "growl"):
        low, high = {"shout": (0.0, 0.3), "scream": (0.3, 0.7), "growl": (0.4, 0.8)}[
            delivery
        ]
        return replace(
            character,
            shift=character.shift * (0.88 if delivery == "growl" else 1.04),
            effort=float(rng.uniform(0.75, 1.0)),
            rough=float(rng.uniform(low, high)),
            breath=float(rng.uniform(low, high)),
            drive=float(rng.uniform(1, 3) if low else rng.uniform(0, 1.5)),
        )
    return character
