"""What accompanying players play: voicings, rhythms, strums, arpeggios and riffs."""

import numpy as np

from keras_munet.studio.band.notes import Note
from keras_munet.studio.score import Score

Rhythm = tuple[tuple[float, float], ...]
"""Steps and lengths, both in sixteenths."""


def _steps(text: str) -> Rhythm:
    """Reads `step:length` items."""
    items = (item.split(":") for item in text.split())
    return tuple((float(step), float(length)) for step, length in items)


_WHOLE = _steps("0:16")
_HALVES = _steps("0:8 8:8")
_QUARTERS = _steps("0:4 4:4 8:4 12:4")
_EIGHTHS = _steps("0:2 2:2 4:2 6:2 8:2 10:2 12:2 14:2")
_PUSHED = _steps("0:6 6:10")
_TRESILLO = _steps("0:3 3:3 6:2 8:3 11:3 14:2")
_OFFBEATS = _steps("2:1.5 6:1.5 10:1.5 14:1.5")
_BACKBEATS = _steps("4:1.5 12:1.5")
_CHARLESTON = _steps("0:3 6:2")
_COMPING = _steps("2:1.5 6:4 14:1.5")
_STABS = _steps("0:1.5 3:1.5 10:1.5")
_FUNK = _steps("0:1 3:.6 4:.6 6:1 7:.6 10:1 11:.6 13:1 14:.6")
_MONTUNO = _steps("0:2 3:1 4:2 7:1 10:2 13:1 14:2")
_STRUM = _steps("0:4 4:2 6:2 10:2 12:2 14:2")
_BALLAD_STRUM = _steps("0:6 6:2 8:4 12:2 14:2")
_BOOM_CHICK = _steps("4:2 12:2")
_HOUSE = _steps("0:2 3:2 6:2 10:2 12:2")

RHYTHMS: dict[str, tuple[Rhythm, ...]] = {
    "ballad": (_WHOLE, _HALVES, _QUARTERS, _PUSHED, _BALLAD_STRUM),
    "rock": (_WHOLE, _HALVES, _EIGHTHS, _TRESILLO, _STRUM, _QUARTERS),
    "metal": (_WHOLE, _HALVES, _EIGHTHS, _TRESILLO),
    "punk": (_EIGHTHS, _EIGHTHS, _STRUM),
    "pop": (_WHOLE, _QUARTERS, _PUSHED, _TRESILLO, _STRUM, _EIGHTHS, _HOUSE),
    "folk": (_STRUM, _BALLAD_STRUM, _QUARTERS, _HALVES),
    "country": (_STRUM, _BOOM_CHICK, _BALLAD_STRUM),
    "funk": (_FUNK, _STABS, _OFFBEATS, _BACKBEATS),
    "soul": (_BACKBEATS, _STABS, _PUSHED, _TRESILLO, _WHOLE),
    "jazz": (_CHARLESTON, _COMPING, _STABS, _WHOLE),
    "reggae": (_OFFBEATS, _BACKBEATS, _OFFBEATS),
    "latin": (_MONTUNO, _TRESILLO, _CHARLESTON, _OFFBEATS),
    "electronic": (_WHOLE, _OFFBEATS, _HOUSE, _TRESILLO, _EIGHTHS),
    "hip-hop": (_WHOLE, _HALVES, _CHARLESTON, _STABS, _PUSHED),
    "ambient": (_WHOLE, _HALVES),
}
_SEVENTHS = {"jazz": 0.9, "soul": 0.6, "funk": 0.5, "hip-hop": 0.5, "latin": 0.4}
_FEW_SEVENTHS = 0.12


def n_chord_notes(rng: np.random.Generator, style: str) -> int:
    """Draws whether a player plays triads (3) or sevenths (4)."""
    return 4 if rng.random() < _SEVENTHS.get(style, _FEW_SEVENTHS) else 3


def _close(score: Score, bar: int, n_notes: int, low: int) -> list[int]:
    """The chord folded into the octave above `low`, in order."""
    return sorted(low + (note - low) % 12 for note in score.chord(bar, n_notes))


def _strings(score: Score, bar: int, n_notes: int, low: int) -> list[int]:
    """The chord over the six strings of a guitar, from the root up."""
    chord = score.chord(bar, n_notes)
    root = low + (chord[0] - low) % 12
    classes = {note % 12 for note in chord}
    ladder = [p for p in range(root + 5, low + 27) if p % 12 in classes]
    voicing = [root, *ladder][:6]
    return [p for k, p in enumerate(voicing) if k == 0 or p - voicing[k - 1] >= 3]


def comp(
    rng: np.random.Generator, score: Score, bars: list[int], *, low: int
) -> list[Note]:
    """Draws chords in a rhythm of the style, for keys, organs, brass.

    Args:
        rng: draws rhythm and loudness.
        score: the song.
        bars: where to play.
        low: lowest note of the voicings.
    """
    choices = RHYTHMS[score.style]
    rhythms = [choices[k] for k in rng.integers(len(choices), size=2)]
    n_notes, short = n_chord_notes(rng, score.style), rng.uniform(0.6, 1.0)
    hands = rng.random() < 0.4  # a left hand that plays roots
    notes = []
    for bar in bars:
        section = score.section(bar)
        voicing = _close(score, bar, n_notes, low)
        if hands and low > 50:
            voicing = [low - 12 + (score.chord(bar)[0] - low) % 12, *voicing]
        for step, length in rhythms[section.kind in ("chorus", "solo")]:
            loudness = rng.uniform(0.85, 1.0) * (0.5 + 0.35 * section.intensity)
            start = score.step_s(bar, step)
            held = length * short * score.beat_s / 4
            notes += [Note(start, held, pitch, loudness) for pitch in voicing]
    return notes


def held(
    rng: np.random.Generator, score: Score, bars: list[int], *, low: int
) -> list[Note]:
    """Draws long chords for pads and strings; tones that stay are held over."""
    n_notes, doubled = n_chord_notes(rng, score.style), rng.random() < 0.4
    notes = []
    for bar in bars:
        voicing = _close(score, bar, n_notes, low)
        if doubled:
            voicing = [*voicing, voicing[0] + 12]
        loudness = 0.45 + 0.4 * score.section(bar).intensity
        start, length = score.step_s(bar, 0), 4 * score.beat_s * 0.99
        notes += [Note(start, length, pitch, loudness) for pitch in voicing]
    return notes


def strum(
    rng: np.random.Generator, score: Score, bars: list[int], *, low: int = 40
) -> list[Note]:
    """Draws strummed guitar chords: string after string, down and up."""
    choices = RHYTHMS[score.style]
    rhythm, n_notes = choices[rng.integers(len(choices))], int(rng.choice([3, 3, 3, 4]))
    delay_s, short = rng.uniform(0.006, 0.022), rng.uniform(0.75, 1.0)
    if rng.random() < 0.4:
        rhythm = (*_STRUM, *((9.0, 1.0),) * int(rng.random() < 0.5))
    notes = []
    for bar in bars:
        voicing = _strings(score, bar, n_notes, low)
        level = 0.5 + 0.4 * score.section(bar).intensity
        for step, length in rhythm:
            up = int(step) % 4 == 2
            strings = voicing[::-1][:4] if up else voicing
            loudness = level * rng.uniform(0.75, 1.0) * (0.8 if up else 1.0)
            start, pull = score.step_s(bar, step), rng.uniform(0.7, 1.3) * delay_s
            length_s = length * short * score.beat_s / 4
            notes += [
                Note(start + k * pull, length_s, pitch, loudness * (1 - 0.04 * k))
                for k, pitch in enumerate(strings)
            ]
    return notes


def chop(
    rng: np.random.Generator, score: Score, bars: list[int], *, low: int = 55
) -> list[Note]:
    """Draws short chords on the top strings: the skank of reggae, funk's scratches."""
    rhythm = _OFFBEATS if score.style == "reggae" else _FUNK
    if rng.random() < 0.2:
        rhythm = _BACKBEATS
    n_notes = n_chord_notes(rng, score.style)
    notes = []
    for bar in bars:
        voicing = _close(score, bar, n_notes, low)
        for step, length in rhythm:
            held_s = float(rng.uniform(0.5, 0.9)) * length * score.beat_s / 4
            loudness = float(rng.uniform(0.6, 0.9))
            start = score.step_s(bar, step)
            notes += [
                Note(start + 0.004 * k, held_s, pitch, loudness)
                for k, pitch in enumerate(voicing)
            ]
    return notes


def power(
    rng: np.random.Generator, score: Score, bars: list[int]
) -> tuple[list[Note], list[Note]]:
    """Draws power chords for a distorted guitar: (ringing, palm-muted)."""
    choices = RHYTHMS[score.style]
    rhythm = choices[rng.integers(len(choices))]
    gallop, muted_verses = rng.random() < 0.4, rng.random() < 0.6
    open_notes: list[Note] = []
    muted: list[Note] = []
    for bar in bars:
        root = 40 + (score.pitch(score.degrees[bar]) - 40) % 12
        chord = (root, root + 7, root + 12)
        if score.section(bar).kind not in ("chorus", "solo") and muted_verses:
            steps = (0, 2, 3, 4, 6, 7, 8, 10, 11, 12, 14) if gallop else range(0, 16, 2)
            for step in steps:
                stroke = 0.9 if step % 4 == 0 else float(rng.uniform(0.6, 0.8))
                start = score.step_s(bar, step)
                muted += [Note(start, 0.1, pitch, stroke) for pitch in chord[:2]]
            continue
        for place, length in rhythm:
            start = score.step_s(bar, place)
            held_s = 0.95 * length * score.beat_s / 4
            open_notes += [
                Note(start + 0.003 * k, held_s, pitch, 0.85)
                for k, pitch in enumerate(chord)
            ]
    return open_notes, muted


def arpeggio(
    rng: np.random.Generator, score: Score, bars: list[int], *, low: int, every: int
) -> list[Note]:
    """Draws broken chords: up, down, as fingers pick them, or by chance."""
    n_notes = n_chord_notes(rng, score.style)
    shapes = ([0, 1, 2, 3, 4, 5, 4, 3], [0, 2, 1, 2, 3, 2, 1, 2], [5, 4, 3, 2, 1, 0])
    order = list(shapes[rng.integers(3)])
    if rng.random() < 0.3:
        order = (rng.permutation(8) % 6).tolist()
    rest, length = rng.choice([0.0, 0.0, 0.25]), float(rng.choice([0.7, 1.0, 2.0, 3.0]))
    notes = []
    for bar in bars:
        voicing = _close(score, bar, n_notes, low)
        ladder = voicing + [pitch + 12 for pitch in voicing]
        level = 0.5 + 0.35 * score.section(bar).intensity
        for k, step in enumerate(range(0, 16, every)):
            if rng.random() < rest:
                continue
            pitch = ladder[order[k % len(order)] % len(ladder)]
            loudness = level * (1.0 if step % 4 == 0 else rng.uniform(0.75, 0.95))
            held_s = every * length * score.beat_s / 4
            notes.append(Note(score.step_s(bar, step), held_s, pitch, loudness))
    return notes
