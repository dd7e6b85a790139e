"""What the bass plays: patterns by style, walking lines, steps to the next chord."""

import numpy as np

from keras_munet.studio.band.notes import Note
from keras_munet.studio.score import Score

# Sixteenth, length in sixteenths, and tone: r root, f fifth, o octave, t third,
# s seventh, d a ghost (muted string), n a step towards the next bar's root.
_Pattern = tuple[tuple[int, float, str], ...]


def _pattern(text: str) -> _Pattern:
    """Reads `step:length:tone` items."""
    items = (item.split(":") for item in text.split())
    return tuple((int(step), float(length), tone) for step, length, tone in items)


_EIGHTHS = _pattern("0:2:r 2:2:r 4:2:r 6:2:r 8:2:r 10:2:r 12:2:r 14:2:n")
_EVEN = _pattern("0:2:r 2:2:r 4:2:r 6:2:r 8:2:r 10:2:r 12:2:r 14:2:r")
_HALVES = _pattern("0:8:r 8:6:f 14:2:n")
_WHOLE = _pattern("0:16:r")
_ROOT_FIFTH = _pattern("0:4:r 4:4:r 8:4:f 12:4:n")
_TWO = _pattern("0:6:r 8:6:f")
_OCTAVES = _pattern("0:2:r 2:2:o 4:2:r 6:2:o 8:2:r 10:2:o 12:2:r 14:2:o")
_OFFBEATS = _pattern("2:2:r 6:2:r 10:2:r 14:2:r")
_SYNCOPATED = _pattern("0:3:r 3:3:r 6:2:r 8:3:r 11:3:f 14:2:n")
_FUNK = _pattern("0:2:r 3:1:d 4:1:d 6:1:o 7:1:s 10:2:r 12:1:d 13:1:o 14:2:n")
_SLAP = _pattern("0:1.5:r 2:1:d 3:1:o 6:2:r 8:1:d 9:1:o 10:2:f 13:1:s 14:1:o")
_SOUL = _pattern("0:3:r 4:1:r 6:2:f 8:3:o 11:1:s 12:2:f 14:2:n")
_REGGAE = _pattern("0:3:r 4:2:t 6:2:f 10:3:r 14:2:r")
_ONE_DROP = _pattern("4:2:r 6:2:r 8:4:f 14:2:t")
_TUMBAO = _pattern("0:3:r 6:6:f 12:4:n")
_BOSSA = _pattern("0:6:r 6:2:f 8:6:f 14:2:r")
_GALLOP = _pattern(
    "0:2:r 2:1:r 3:1:r 4:2:r 6:1:r 7:1:r 8:2:r 10:1:r 11:1:r 12:2:r 14:2:r"
)
_DEEP = _pattern("0:7:r 10:4:r")
_BOOM = _pattern("0:6:r 7:3:r 10:6:o")
_RIFF = _pattern("0:3:r 3:1:r 4:2:t 6:2:r 8:3:r 12:2:s 14:2:f")
_ACID = _pattern(
    "0:1:r 1:1:r 2:1:o 3:1:r 5:1:r 6:1:s 7:1:r 8:1:r 10:1:o 11:1:r 12:1:f 14:1:r 15:1:o"
)

_LINES: dict[str, tuple[_Pattern, ...]] = {
    "ballad": (_HALVES, _WHOLE, _TWO, _SYNCOPATED),
    "rock": (_EIGHTHS, _EVEN, _ROOT_FIFTH, _SYNCOPATED, _RIFF),
    "metal": (_EVEN, _GALLOP, _EIGHTHS),
    "punk": (_EVEN, _EIGHTHS),
    "pop": (_EIGHTHS, _SYNCOPATED, _OCTAVES, _HALVES, _OFFBEATS),
    "folk": (_TWO, _ROOT_FIFTH, _HALVES),
    "country": (_TWO, _ROOT_FIFTH, _HALVES),
    "funk": (_FUNK, _SLAP, _OCTAVES, _SOUL),
    "soul": (_SOUL, _SYNCOPATED, _FUNK),
    "jazz": (_TWO, _BOSSA),
    "reggae": (_REGGAE, _ONE_DROP),
    "latin": (_TUMBAO, _BOSSA, _OCTAVES),
    "electronic": (_OFFBEATS, _OCTAVES, _EVEN, _ACID, _SYNCOPATED, _WHOLE),
    "hip-hop": (_DEEP, _BOOM, _SOUL),
    "ambient": (_WHOLE, _HALVES),
}
_WALK = 0.75  # chance of a walking line in jazz
_LOWEST = 28  # E1, the lowest string


def _root(score: Score, bar: int, five_strings: bool) -> int:
    """The bar's root in the octave above E1, or from B0 with a fifth string."""
    lowest = _LOWEST - 5 if five_strings else _LOWEST
    return lowest + (score.pitch(score.degrees[bar]) - lowest) % 12


def _tones(score: Score, bar: int, root: int) -> dict[str, int]:
    degree = score.degrees[bar]
    third, fifth, seventh = (score.pitch(degree + k) for k in (2, 4, 6))
    base = score.pitch(degree)
    return {
        "r": root,
        "t": root + third - base,
        "f": root + fifth - base,
        "s": root + seventh - base,
        "o": root + 12,
        "d": root,
    }


def _towards(score: Score, bar: int, root: int, five_strings: bool) -> int:
    """A step below or above the next bar's root, or the fifth where it stays."""
    if bar + 1 >= score.n_bars:
        return root
    target = _root(score, bar + 1, five_strings)
    if target == root:
        return root + 7
    return target - 1 if target > root else target + 2


def _walking(
    rng: np.random.Generator, score: Score, bar: int, root: int
) -> list[tuple[int, float, int]]:
    """Four quarters: root, two tones of the scale or chord, and an approach."""
    degree = score.degrees[bar]
    base = score.pitch(degree)
    ladder = [root + score.pitch(degree + k) - base for k in (1, 2, 3, 4, 6)]
    second, third = rng.choice(ladder), rng.choice(ladder)
    last = root
    if bar + 1 < score.n_bars:
        last = _root(score, bar + 1, False) + int(rng.choice([-1, 1, 2]))
    return [
        (0, 3.8, root),
        (4, 3.8, int(second)),
        (8, 3.8, int(third)),
        (12, 3.8, last),
    ]


def draw_line(
    rng: np.random.Generator, score: Score, bars: list[int], *, five_strings: bool
) -> list[Note]:
    """Draws the bass line of the given bars."""
    choices = _LINES[score.style]
    verse, chorus = (choices[k] for k in rng.integers(len(choices), size=2))
    walks = score.style == "jazz" and rng.random() < _WALK
    short, notes = rng.uniform(0.7, 1.0), []
    for bar in bars:
        section = score.section(bar)
        root = _root(score, bar, five_strings)
        tones = _tones(score, bar, root)
        tones["n"] = _towards(score, bar, root, five_strings)
        pattern = chorus if section.kind in ("chorus", "solo") else verse
        if section.kind == "break" and rng.random() < 0.5:
            pattern = _WHOLE
        items = [(step, length, tones[tone], tone) for step, length, tone in pattern]
        if walks:
            items = [(*item, "r") for item in _walking(rng, score, bar, root)]
        for step, length, pitch, tone in items:
            start = score.step_s(bar, step)
            held = length * short * score.beat_s / 4
            loudness = 0.6 + 0.3 * section.intensity
            if tone == "d":
                held, loudness = 0.04, 0.35
            elif tone == "o":
                loudness = min(1.0, loudness + 0.12)
            notes.append(Note(start, held, pitch, loudness))
    return notes
