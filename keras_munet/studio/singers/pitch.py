"""How a pitch moves while somebody sings: glides, scoops, vibrato, drift."""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage

from keras_munet.dsp import FloatArray
from keras_munet.studio.singers.melody import Note

_EARLY_S = 0.03  # a glide to the next note begins so long before it
_VIBRATO_AFTER_S = 0.15
_VIBRATO_FROM_S = 0.34  # shorter notes have none


@dataclass(frozen=True)
class Manner:
    """How a singer treats pitch.

    Attributes:
        glide_s: how slowly a note turns into the next.
        scoop: semitones below a phrase's first note where it begins.
        vibrato_hz: 4.8 to 6.5.
        vibrato: depth in semitones, 0.1 to 0.6.
        drift: standard deviation of the slow wander in semitones.
        detune: semitones by which everything lies off.
    """

    glide_s: float
    scoop: float
    vibrato_hz: float
    vibrato: float
    drift: float
    detune: float = 0.0


def draw_manner(rng: np.random.Generator) -> Manner:
    """Draws how a singer treats pitch."""
    plain = rng.random() < 0.3
    return Manner(
        glide_s=float(rng.uniform(0.012, 0.04)),
        scoop=float(rng.choice([0.0, 0.7, 1.5, 2.5])),
        vibrato_hz=float(rng.uniform(4.8, 6.5)),
        vibrato=float(rng.uniform(0.0, 0.12) if plain else rng.uniform(0.12, 0.55)),
        drift=float(rng.uniform(0.04, 0.11)),
    )


def curve(
    rng: np.random.Generator, notes: list[Note], times: FloatArray, manner: Manner
) -> FloatArray:
    """Returns the pitch at evenly spaced times, in MIDI numbers.

    Args:
        rng: draws what no two performances share.
        notes: of one phrase.
        times: `(n,)`, in seconds, even and rising.
        manner: of the singer.

    Returns:
        `(n,)`; within half a semitone of the notes but for glides and scoops.
    """
    hop_s = times[1] - times[0]
    starts = np.array([note.start_s for note in notes]) - _EARLY_S
    pitches = np.array([note.pitch for note in notes])
    index = np.maximum(np.searchsorted(starts, times, side="right") - 1, 0)
    line: FloatArray = scipy.ndimage.gaussian_filter1d(
        pitches[index], manner.glide_s / hop_s
    )
    for note in notes[:1] + [n for n in notes[1:] if rng.random() < 0.12]:
        since = np.maximum(times - note.start_s, 0.0)
        dip = manner.scoop * rng.uniform(0.4, 1.0) * np.exp(-since / 0.05)
        line = line - np.where(times < note.start_s - 0.1, 0.0, dip)
    line = line + _vibrato(rng, notes, times, manner)
    return np.asarray(line + _drift(rng, times, manner))


def _vibrato(
    rng: np.random.Generator, notes: list[Note], times: FloatArray, manner: Manner
) -> FloatArray:
    wander = _slow(rng, len(times), 0.6 / (times[1] - times[0]))
    rate = manner.vibrato_hz * (1 + 0.05 * wander)
    phase = 2 * np.pi * np.cumsum(rate) * (times[1] - times[0]) + rng.uniform(0, 6.28)
    depth = np.zeros(len(times))
    for note in notes:
        if note.end_s - note.start_s > _VIBRATO_FROM_S:
            since = times - note.start_s - _VIBRATO_AFTER_S
            grown = np.clip(since / rng.uniform(0.15, 0.6), 0, 1)
            depth = np.where(times < note.end_s + 0.1, np.maximum(depth, grown), 0.0)
            depth = np.where(times < note.start_s, 0.0, depth)
    return np.asarray(manner.vibrato * depth * np.sin(phase) * (1 + 0.2 * wander))


def _drift(rng: np.random.Generator, times: FloatArray, manner: Manner) -> FloatArray:
    hop_s = times[1] - times[0]
    slow = _slow(rng, len(times), 0.25 / hop_s)
    quick = _slow(rng, len(times), 0.025 / hop_s)
    return np.asarray(manner.detune + manner.drift * slow + 0.03 * quick)


def _slow(rng: np.random.Generator, n: int, smoothing: float) -> FloatArray:
    """Noise of unit variance without fast movement."""
    noise = scipy.ndimage.gaussian_filter1d(rng.normal(size=n), smoothing)
    return np.asarray(noise * np.sqrt(2 * np.sqrt(np.pi) * max(smoothing, 0.3)))
