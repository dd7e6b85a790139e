"""Notes, bends of pitch, and swells: what a player tells an instrument."""

from typing import NamedTuple

import numpy as np


class Note(NamedTuple):
    """A tone.

    Attributes:
        start_s: when it begins, in seconds.
        length_s: how long it is held.
        pitch: MIDI number.
        loudness: from 0 to 1.
    """

    start_s: float
    length_s: float
    pitch: int
    loudness: float


Curve = list[tuple[float, float]]
"""Points (time in seconds, value); a value holds until the next point."""

_BEND_EVERY_S = 0.008


def expressive(
    rng: np.random.Generator,
    notes: list[Note],
    *,
    depth: float,
    scoop: float,
    glide: float = 0.0,
) -> Curve:
    """Draws how a soloist bends notes: scoops, glides, late vibrato, falls.

    Args:
        rng: draws the bends.
        notes: of one voice, in order.
        depth: of the vibrato, in semitones.
        scoop: chance that a note is approached from below.
        glide: chance that a note begins at the pitch of the one before.

    Returns:
        Points (time in seconds, semitones).
    """
    curve: Curve = [(0.0, 0.0)]
    rate_hz, before = rng.uniform(4.5, 6.8), None
    for note in notes:
        t = np.arange(0.0, note.length_s, _BEND_EVERY_S)
        late = np.clip((t - rng.uniform(0.08, 0.25)) / 0.25, 0, 1)
        bend = depth * late * np.sin(2 * np.pi * rate_hz * t + rng.uniform(0, 6))
        start = -float(rng.choice([0.5, 1.0, 1.0, 2.0])) if rng.random() < scoop else 0
        legato = before and note.start_s - before.start_s - before.length_s < 0.05
        if legato and before and rng.random() < glide:
            start = float(np.clip(before.pitch - note.pitch, -12, 12))
        bend += start * np.exp(-t / rng.uniform(0.02, 0.07))
        if note.length_s > 0.3 and rng.random() < 0.12:
            bend -= np.clip((t - note.length_s + 0.15) / 0.15, 0, 1) * rng.uniform(1, 4)
        if len(t):
            curve += zip((note.start_s + t).tolist(), bend.tolist(), strict=True)
        before = note
    return curve


def swells(rng: np.random.Generator, notes: list[Note], low: float) -> Curve:
    """Draws crescendos and decrescendos on long notes; values from `low` to 1."""
    curve: Curve = [(0.0, 1.0)]
    for note in notes:
        if note.length_s < 0.25:
            curve.append((note.start_s, 1.0))
            continue
        t = np.arange(0.0, note.length_s, 0.03)
        peak = rng.uniform(0.2, 0.8)
        x = t / note.length_s
        shape = np.minimum(x / peak, (1 - x) / (1 - peak))
        values = low + (1 - low) * np.sqrt(np.clip(shape, 0, 1))
        curve += zip((note.start_s + t).tolist(), values.tolist(), strict=True)
    return curve


def humanised(
    rng: np.random.Generator, notes: list[Note], *, timing_s: float, spread: float
) -> list[Note]:
    """Returns notes as hands play them: not quite on time, not all alike."""
    return [
        note._replace(
            start_s=max(0.0, note.start_s + float(rng.normal(0, timing_s))),
            loudness=float(np.clip(note.loudness * rng.normal(1, spread), 0.05, 1.0)),
        )
        for note in notes
    ]
