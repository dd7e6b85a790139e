"""What soloists play: motifs that come back, runs, riffs and answers to the singer."""

import numpy as np

from keras_munet.studio.band.notes import Note
from keras_munet.studio.score import Score

_PENTATONIC = {  # degrees of the scale that cannot sound wrong
    "major": (0, 1, 2, 4, 5),
    "minor": (0, 2, 3, 4, 6),
}
_LENGTHS = {  # in sixteenths, by density
    "slow": (4, 4, 6, 8, 12),
    "song": (2, 2, 3, 4, 4, 6, 8),
    "fast": (1, 1, 2, 2, 2, 3, 4),
}


def _ladder(score: Score, low: int, high: int, pentatonic: bool) -> list[int]:
    """Notes of the scale between two pitches."""
    minor = score.scale[2] == 3
    kept = _PENTATONIC["minor" if minor else "major"] if pentatonic else range(7)
    classes = {(score.tonic + score.scale[k]) % 12 for k in kept}
    return [pitch for pitch in range(low, high + 1) if pitch % 12 in classes]


def _rhythm(
    rng: np.random.Generator, density: str, rest: float
) -> list[tuple[int, int]]:
    """Draws (step, length) over two bars; phrases end early, to breathe."""
    lengths, step, items = _LENGTHS[density], int(rng.choice([0, 0, 2, 4])), []
    last = int(rng.choice([24, 26, 28, 30, 32]))
    while step < last:
        length = min(int(rng.choice(lengths)), last - step)
        if rng.random() >= rest:
            items.append((step, length))
        step += length
    return items


def _contour(rng: np.random.Generator, n: int) -> list[int]:
    """Draws steps along the ladder: mostly small, a leap now and then."""
    moves = rng.choice([-3, -2, -1, -1, 0, 1, 1, 2, 3], size=n)
    if rng.random() < 0.3:  # a run
        moves[: n // 2] = rng.choice([-1, 1])
    return [int(m) for m in moves]


def _nearest(ladder: list[int], pitch: float) -> int:
    return int(np.argmin([abs(p - pitch) for p in ladder]))


def melody(
    rng: np.random.Generator,
    score: Score,
    bars: list[int],
    *,
    low: int,
    high: int,
    density: str = "song",
    legato: float = 0.95,
    rest: float = 0.1,
) -> list[Note]:
    """Draws a solo or a tune: phrases of two bars, some of which come back.

    Args:
        rng: draws the tune.
        score: the song.
        bars: where to play.
        low: of the instrument's range, as a MIDI number.
        high: of the instrument's range.
        density: `slow`, `song` or `fast`.
        legato: length of the notes, as a share of the time to the next.
        rest: chance that a note is left out.
    """
    ladder = _ladder(score, low, high, bool(rng.random() < 0.5))
    motifs = [_rhythm(rng, density, rest) for _ in range(3)]
    contours = [_contour(rng, len(motif)) for motif in motifs]
    place, notes = len(ladder) // 2, []
    for number, bar in enumerate(bars[::2]):
        pick = (0, 1, 0, 2)[number % 4] if rng.random() < 0.7 else int(rng.integers(3))
        for (step, length), move in zip(motifs[pick], contours[pick], strict=True):
            where = bar + step // 16
            if where not in bars:
                continue
            place = int(np.clip(place + move, 0, len(ladder) - 1))
            if not 0 < place < len(ladder) - 1:
                place = len(ladder) // 2
            pitch = ladder[place]
            if step % 8 == 0 or length >= 6:  # strong and long notes fit the chord
                chord = {note % 12 for note in score.chord(where)}
                near = [p for p in range(low, high + 1) if p % 12 in chord]
                pitch = min(near, key=lambda p: abs(p - pitch))
                place = _nearest(ladder, pitch)
            start = score.step_s(where, step % 16)
            held_s = legato * length * score.beat_s / 4
            loudness = float(rng.uniform(0.65, 0.95))
            notes.append(Note(start, held_s, pitch, loudness))
    return notes


def riff(
    rng: np.random.Generator, score: Score, bars: list[int], *, low: int
) -> list[Note]:
    """Draws a figure of one bar over the chord's root that repeats all along."""
    steps = sorted(
        rng.choice(16, size=int(rng.integers(4, 10)), replace=False).tolist()
    )
    tones = rng.choice([0, 0, 0, 2, 4, 6, 7], size=len(steps)).tolist()
    notes = []
    for bar in bars:
        for k, step in enumerate(steps):
            after = steps[k + 1] if k + 1 < len(steps) else 16
            degree = score.degrees[bar] + int(tones[k])
            pitch = low + (score.pitch(degree) - low) % 12 + 12 * (tones[k] == 7)
            held_s = 0.8 * min(after - step, 4) * score.beat_s / 4
            loudness = float(rng.uniform(0.7, 0.9))
            notes.append(Note(score.step_s(bar, step), held_s, pitch, loudness))
    return notes
