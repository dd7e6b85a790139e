"""Melodies over a score: rhythms for syllables, and pitches that know the chords."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from keras_munet.studio.score import Score

_STEPS = (0, 1, -1, 2, -2, 3, -3, 4, -4)
_CHANCES = (0.17, 0.27, 0.3, 0.09, 0.07, 0.04, 0.03, 0.02, 0.01)
_STRONG = 8  # sixteenths between strong beats
_MELISMA = 0.14  # chance that a long syllable moves on to another note


class Note(NamedTuple):
    """A sung note.

    Attributes:
        start_s: when it begins, in seconds of the song.
        end_s: when it ends.
        pitch: MIDI number.
        syllable: which syllable of the phrase it carries.
        loudness: from 0 to 1.
    """

    start_s: float
    end_s: float
    pitch: float
    syllable: int
    loudness: float


@dataclass(frozen=True)
class Slot:
    """Room for one phrase.

    Attributes:
        bar: where it begins.
        first: sixteenth of that bar in which it begins.
        n_steps: sixteenths until its last note must have ended.
        n_syllables: how many it should have, about.
        motif: phrases with the same motif share words, rhythm and contour.
        intensity: how loud the section is.
        lift: semitones by which the melody lies higher than in a verse.
    """

    bar: int
    first: int
    n_steps: int
    n_syllables: int
    motif: tuple[str, int]
    intensity: float
    lift: int


def draw_slots(rng: np.random.Generator, score: Score, *, rap: bool) -> list[Slot]:
    """Divides the sung sections into phrases with rests between them."""
    per_step = rng.uniform(0.3, 0.5) if score.beat_s > 0.55 else rng.uniform(0.2, 0.36)
    fastest = 0.125 if rap else 0.19  # seconds of a syllable
    per_step = min(0.85 if rap else per_step, score.beat_s / 4 / fastest)
    long = 1 if score.beat_s > 0.75 and rng.random() < 0.6 else 2
    lift = int(rng.choice([0, 2, 3, 4, 5]))
    first = 0 if rap else int(rng.choice([0, 0, 2, 4, 2]))
    slots = []
    for section in score.sections:
        if not section.is_sung:
            continue
        for k in range(0, section.n_bars, long):
            n_bars = min(long, section.n_bars - k)
            rest = int(rng.choice([2, 3, 4, 6, 8, 10])) if n_bars == 2 else 2
            n_steps = 16 * n_bars - first - rest
            density = per_step * rng.uniform(0.8, 1.15)
            slots.append(
                Slot(
                    section.first_bar + k,
                    first,
                    n_steps,
                    max(2, round(density * n_steps)),
                    _motif(rng, section.kind, section.first_bar, k // long),
                    section.intensity,
                    lift if section.kind == "chorus" else 0,
                )
            )
    return slots


def _motif(
    rng: np.random.Generator, kind: str, first_bar: int, number: int
) -> tuple[str, int]:
    """Choruses come again with the same words; a verse has new ones."""
    if kind == "chorus":
        return kind, number % int(rng.choice([2, 4]))
    return f"{kind} {first_bar}", number


def draw_rhythm(
    rng: np.random.Generator, slot: Slot, n: int, *, busy: bool
) -> list[tuple[int, int]]:
    """Draws `n` notes or fewer as (first sixteenth, sixteenth after the last)."""
    even = np.arange(0, slot.n_steps, 2)
    room = max(1, slot.n_steps - 2)
    grid = even if n <= len(even) * 0.8 and not busy else np.arange(room)
    n = min(n, len(grid))
    weight = np.where((grid + slot.first) % 4 == 0, 2.0, 1.0)
    weight = weight * np.where((grid + slot.first) % 2 == 0, 1.6, 0.5)
    weight *= np.exp(-grid / slot.n_steps * rng.uniform(-0.5, 2.0))
    weight[0] = 1e6
    chosen = rng.choice(grid, size=n, replace=False, p=weight / weight.sum())
    starts = sorted(int(step) for step in chosen)
    last = min(slot.n_steps, starts[-1] + int(rng.choice([4, 6, 8, 12])))
    ends = [*starts[1:], max(last, starts[-1] + 2)]
    return [
        (start, min(end, start + (16 if end - start < 20 else 8)))
        for start, end in zip(starts, ends, strict=True)
    ]


class Contour:
    """A walk on the scale that lands on chord notes where the beat is strong."""

    def __init__(self, score: Score, lowest: float, highest: float):
        self.score, self.lowest, self.highest = score, lowest, highest
        self.middle = (lowest + highest) / 2

    def start(self, rng: np.random.Generator) -> int:
        """Returns a scale degree near the middle of the range."""
        octave = round((self.middle - self.score.tonic) / 12 * 7)
        return octave + int(rng.integers(-2, 3))

    def step(self, rng: np.random.Generator, degree: int) -> int:
        """Returns the next degree: mostly a second away, drawn to the middle."""
        move = int(rng.choice(_STEPS, p=_CHANCES))
        away = self.score.pitch(degree) - self.middle
        if away * move > 0 and rng.random() < min(0.9, abs(away) / 9):
            move = -move
        if not self._fits(degree + move):
            move = -move
        return self.inside(degree + move)

    def _fits(self, degree: int) -> bool:
        return self.lowest <= self.score.pitch(degree) <= self.highest

    def inside(self, degree: int) -> int:
        """Returns the degree, moved by octaves until it can be sung."""
        while self.score.pitch(degree) > self.highest:
            degree -= 7
        while self.score.pitch(degree) < self.lowest:
            degree += 7
        return degree

    def on_chord(self, bar: int, degree: int) -> int:
        """Returns the chord note of a bar that is nearest to a degree."""
        root = self.score.degrees[min(bar, self.score.n_bars - 1)]
        near = [degree + d for d in (0, -1, 1, -2, 2)]
        chord = [d for d in near if (d - root) % 7 in (0, 2, 4)]
        return next((d for d in chord if self._fits(d)), chord[0])


def draw_notes(
    score: Score,
    slot: Slot,
    n_syllables: int,
    contour: Contour,
    *,
    seed: list[int],
    busy: bool = False,
) -> list[Note]:
    """Draws the notes of a phrase.

    Args:
        score: whose chords and key are kept.
        slot: where the phrase has room.
        n_syllables: of its words; what finds no room is not sung.
        contour: which pitches can be sung.
        seed: phrases with equal seeds have equal rhythms and contours.
        busy: whether sixteenths are common, as in rap.

    Returns:
        Notes in order; their pitches are in the score's scale.
    """
    rng = np.random.default_rng(seed)
    rhythm = draw_rhythm(rng, slot, n_syllables, busy=busy)
    degree = contour.inside(contour.start(rng))
    notes = []
    for syllable, (start, end) in enumerate(rhythm):
        loudness = 0.5 + 0.2 * ((slot.first + start) % 4 == 0) + rng.normal(0, 0.08)
        for first, last in _melisma(rng, start, end):
            step = slot.first + first
            bar = slot.bar + step // 16
            degree = contour.step(rng, degree)
            if step % _STRONG == 0 or last - first >= 6:
                degree = contour.inside(contour.on_chord(bar, degree))
            at, until = (
                score.step_s(slot.bar + s // 16, s % 16)
                for s in (step, slot.first + last)
            )
            pitch = float(score.pitch(degree))
            notes.append(Note(at, until, pitch, syllable, float(loudness)))
    return notes


def _melisma(rng: np.random.Generator, start: int, end: int) -> list[tuple[int, int]]:
    if end - start < 4 or rng.random() > _MELISMA:
        return [(start, end)]
    turns = int(rng.integers(1, 3))
    cuts = [start + 2 * (k + 1) for k in range(turns) if start + 2 * (k + 1) < end]
    return list(zip([start, *cuts], [*cuts, end], strict=True))


def in_scale(score: Score, pitch: float, steps: int) -> float:
    """Returns the note a number of scale steps away, as harmonies are sung."""
    span = range(-21, 36)
    degree = min(span, key=lambda d: abs(score.pitch(d) - pitch))
    return float(score.pitch(degree + steps))
