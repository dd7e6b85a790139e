"""The voices of a song: a lead, and for some songs doubles, harmonies or a choir."""

from dataclasses import replace

import numpy as np

from keras_munet.data.studio.score import RATE, Part, Pool, Score
from keras_munet.data.studio.singers import plan
from keras_munet.data.studio.singers.character import (
    Character,
    delivered,
    draw_character,
)
from keras_munet.data.studio.singers.lyrics import HOLLERS
from keras_munet.data.studio.singers.melody import Contour, Note, in_scale
from keras_munet.data.studio.singers.perform import inhale, sing
from keras_munet.data.studio.singers.pitch import Manner, draw_manner
from keras_munet.data.studio.singers.plan import Phrase
from keras_munet.data.studio.singers.sounds import Singer
from keras_munet.dsp import FloatArray

_INSTRUMENTAL = 0.08
_DUET = 0.12
_GANG = {"punk": 0.3, "metal": 0.2, "hip-hop": 0.15, "rock": 0.12, "folk": 0.1}
_GANG_LINES = 4
_PEAK = 0.7
_HARMONIES = (2, 2, -2, -2, -3, -5, 5, 7, -7)  # scale steps


class _Track:
    """A mono recording to which takes are added."""

    def __init__(self, n_samples: int):
        self.sound = np.zeros(n_samples, np.float32)

    def add(self, first: int, take: FloatArray) -> None:
        """Adds a take that begins at a sample, as far as it lies in the song."""
        start, end = max(first, 0), min(first + len(take), len(self.sound))
        if end > start:
            self.sound[start:end] += take[start - first : end - first]

    def part(self, role: str, level_db: float = 0.0, pan: float = 0.0) -> Part:
        """Returns the recording as a part with a usual peak."""
        loud = np.percentile(np.abs(self.sound[::4]), 99.9) + np.abs(self.sound).max()
        sound = self.sound * np.float32(2 * _PEAK / (loud + 1e-6))
        sound = np.clip(sound, -1, 1)
        return Part(role, np.repeat(sound[:, None], 2, axis=1), level_db, pan)


def _take(
    rng: np.random.Generator,
    phrase: Phrase,
    notes: list[Note],
    voice: Character,
    manner: Manner,
) -> tuple[int, FloatArray]:
    used = delivered(rng, voice, phrase.delivery)
    speech = phrase.speech_hz if phrase.delivery in ("rap", "whisper") else 0.0
    if phrase.delivery == "growl":
        notes = [note._replace(pitch=30 + note.pitch % 6) for note in notes]
    if phrase.delivery in ("shout", "scream"):
        manner = replace(manner, vibrato=0.5 * manner.vibrato)
    return sing(rng, phrase.print_, notes, used, manner, spoken_pitch=speech)


def _late(notes: list[Note], seconds: float) -> list[Note]:
    return [
        note._replace(start_s=note.start_s + seconds, end_s=note.end_s + seconds)
        for note in notes
    ]


def _lead(
    rng: np.random.Generator,
    score: Score,
    phrases: list[Phrase],
    voice: Character,
    manner: Manner,
) -> Part:
    """The lead voice, with breaths before its phrases and human timing."""
    track = _Track(score.n_samples)
    breaths, loose = rng.random() < 0.6, rng.uniform(0.0, 0.02)
    for phrase in phrases:
        notes = _late(phrase.notes, rng.normal(0.005, loose))
        first, take = _take(rng, phrase, notes, voice, manner)
        gain = np.float32(0.6 + 0.4 * phrase.slot.intensity)
        track.add(first, take * gain)
        if breaths and rng.random() < 0.7:
            air = inhale(rng, phrase.print_, voice)
            track.add(first - len(air) - int(0.03 * RATE), air)
    return track.part("lead")


def _double(
    rng: np.random.Generator,
    score: Score,
    phrases: list[Phrase],
    voice: Character,
    manner: Manner,
) -> list[Part]:
    """The lead sung again, once or twice, a little late and out of tune."""
    only_choruses = rng.random() < 0.5
    chosen = [p for p in phrases if p.slot.lift or not only_choruses]
    n_takes, level = int(rng.choice([1, 1, 2])), rng.uniform(-10, -2)
    width = rng.uniform(0.0, 0.9)
    parts = []
    for k in range(n_takes if chosen else 0):
        track = _Track(score.n_samples)
        detune = float(rng.choice([-1, 1]) * rng.uniform(0.03, 0.14))
        again = replace(manner, detune=detune, vibrato=0.8 * manner.vibrato)
        other = replace(voice, shift=voice.shift * rng.uniform(0.98, 1.02))
        for phrase in chosen:
            notes = _late(phrase.notes, rng.uniform(0.01, 0.03))
            track.add(*_take(rng, phrase, notes, other, again))
        pan = width * (1 - 2 * k) if n_takes > 1 else width * rng.uniform(-0.5, 0.5)
        parts.append(track.part("double", float(level), float(pan)))
    return parts


def _harmony(
    rng: np.random.Generator,
    score: Score,
    phrases: list[Phrase],
    voice: Character,
    lead: Singer,
) -> list[Part]:
    """Voices that follow the lead in thirds or sixths of the scale."""
    chosen = [p for p in phrases if p.slot.lift and p.delivery not in ("rap", "growl")]
    chosen = chosen or [p for p in phrases if rng.random() < 0.4]
    parts = []
    for steps in rng.choice(_HARMONIES, size=int(rng.choice([1, 1, 2])), replace=False):
        track = _Track(score.n_samples)
        shift = voice.shift * rng.uniform(0.92, 1.1)
        other = replace(draw_character(rng, lead), shift=float(shift))
        manner = draw_manner(rng)
        for phrase in chosen:
            notes = _late(harmonised(score, phrase.notes, steps), rng.normal(0, 0.012))
            track.add(*_take(rng, phrase, notes, other, manner))
        level, pan = rng.uniform(-12, -4), rng.uniform(-0.7, 0.7)
        if chosen:
            parts.append(track.part("harmony", float(level), float(pan)))
    return parts


def harmonised(score: Score, notes: list[Note], steps: int) -> list[Note]:
    """Returns the notes a number of scale steps away."""
    return [n._replace(pitch=in_scale(score, n.pitch, int(steps))) for n in notes]


def _gang(
    rng: np.random.Generator, score: Score, pool: Pool, phrases: list[Phrase]
) -> list[Part]:
    """A few people who shout some of the lead's lines along with it."""
    chosen = [p for p in phrases if p.slot.lift] or phrases
    chosen = [chosen[k] for k in rng.permutation(len(chosen))[:_GANG_LINES]]
    tracks = [_Track(score.n_samples) for _ in "lr"]
    for k in range(int(rng.integers(2, 5))):
        singer = plan.draw_singer(rng, pool)
        voice, manner = draw_character(rng, singer), draw_manner(rng)
        manner = replace(manner, detune=float(rng.normal(0, 0.15)))
        prints = plan.voiceprints(singer, [p.text for p in chosen])
        for phrase, print_ in zip(chosen, prints, strict=True):
            octave = 12 * round((singer.lowest + 9 - phrase.notes[0].pitch) / 12)
            notes = [
                note._replace(pitch=note.pitch + octave)
                for note in _late(phrase.notes, rng.normal(0, 0.02))
                if note.syllable < len(print_.nuclei)
            ]
            if notes:
                shouted = replace(phrase, print_=print_, delivery="shout")
                tracks[k % 2].add(*_take(rng, shouted, notes, voice, manner))
    level, width = float(rng.uniform(-10, -3)), float(rng.uniform(0.2, 1.0))
    sides = zip(tracks, (-width, width), strict=True)
    return [t.part("choir", level, pan) for t, pan in sides if t.sound.any()]


def _choir_bars(rng: np.random.Generator, score: Score) -> list[int]:
    """Bars in which a choir sings: choruses, or everywhere that is sung."""
    sung = [bar for bar in range(score.n_bars) if score.section(bar).is_sung]
    choruses = [bar for bar in sung if score.section(bar).kind == "chorus"]
    return choruses if choruses and rng.random() < 0.7 else sung


def _choir(rng: np.random.Generator, score: Score, pool: Pool) -> list[Part]:
    """Three to six voices that hold the chords on a vowel."""
    bars, tracks = _choir_bars(rng, score), [_Track(score.n_samples) for _ in "lr"]
    word = str(rng.choice(["ah", "oh", "ooh", "la", "hey"]))
    singers = [plan.draw_singer(rng, pool) for _ in range(int(rng.integers(1, 4)))]
    n_voices, short = int(rng.integers(3, 7)), rng.random() < 0.25
    for k in range(n_voices if bars else 0):
        singer = singers[k % len(singers)]
        print_ = plan.voiceprints(singer, [word])[0]
        if not len(print_.nuclei):
            continue
        voice, manner = draw_character(rng, singer), draw_manner(rng)
        manner = replace(manner, detune=float(rng.normal(0, 0.07)))
        takes: dict[tuple[int, float], tuple[int, FloatArray]] = {}
        middle = (singer.lowest + singer.highest) / 2 + rng.uniform(-3, 4)
        for bar in bars:
            tones = [p + 12 * o for p in score.chord(bar) for o in range(-2, 3)]
            tone = sorted(tones, key=lambda p: abs(p - middle))[k % 2]
            length = score.beat_s * (float(rng.choice([0.5, 1])) if short else 3.8)
            if (tone, length) not in takes:
                note = Note(0.0, length, float(tone), 0, 0.55)
                takes[tone, length] = sing(rng, print_, [note], voice, manner)
            lead_in, take = takes[tone, length]
            start = score.step_s(bar, 0) + rng.normal(0, 0.02)
            tracks[k % 2].add(lead_in + round(start * RATE), take)
    level, width = float(rng.uniform(-14, -6)), float(rng.uniform(0.2, 1.0))
    sides = zip(tracks, (-width, width), strict=True)
    return [t.part("choir", level, pan) for t, pan in sides if t.sound.any()]


def _hollers(
    rng: np.random.Generator,
    score: Score,
    singer: Singer,
    voice: Character,
    manner: Manner,
) -> list[Part]:
    """Short calls anywhere, also where nobody sings."""
    words = [str(word) for word in rng.choice(HOLLERS, size=2, replace=False)]
    prints = [p for p in plan.voiceprints(singer, words) if len(p.nuclei)]
    track = _Track(score.n_samples)
    contour = Contour(score, (singer.lowest + singer.highest) / 2, singer.highest)
    for bar in range(score.n_bars):
        if not prints or rng.random() > 0.3:
            continue
        print_ = prints[int(rng.integers(len(prints)))]
        start = score.step_s(bar, int(rng.choice([0, 4, 8, 10, 12, 14])))
        length = score.beat_s * rng.choice([0.5, 1.0, 2.0])
        pitch = score.pitch(contour.inside(contour.start(rng)))
        note = Note(start, start + length, float(pitch), 0, 0.7)
        track.add(*sing(rng, print_, [note], voice, manner))
    if not track.sound.any():
        return []
    return [track.part("double", rng.uniform(-12, -3), rng.uniform(-0.6, 0.6))]


def _shared(
    rng: np.random.Generator, score: Score, pool: Pool, phrases: list[Phrase]
) -> tuple[list[Phrase], list[Phrase], Singer]:
    """Gives every second section to another singer."""
    second = plan.draw_singer(rng, pool)
    others = plan.draw_phrases(rng, score, second)
    order = list(score.sections)

    def turn(phrase: Phrase) -> int:
        return order.index(score.section(phrase.slot.bar)) % 2

    mine = [phrase for phrase in phrases if not turn(phrase)]
    return mine, [phrase for phrase in others if turn(phrase)], second


def render(rng: np.random.Generator, score: Score, pool: Pool) -> list[Part]:
    """Sings a song.

    The lead is silent outside of the sections that `score` marks as sung, but for the
    breath and the consonants before a first note and the end of a last one.

    Args:
        rng: draws everything.
        score: the song.
        pool: which singers are asked.

    Returns:
        Parts of roles `lead`, `double`, `harmony`, `choir`; none for a song without
        voices.

    Raises:
        DataError: when a program is missing or fails.
    """
    if rng.random() < _INSTRUMENTAL:
        return []
    singer = plan.draw_singer(rng, pool)
    phrases = plan.draw_phrases(rng, score, singer)
    if not phrases:
        return []
    voice, manner = draw_character(rng, singer), draw_manner(rng)
    parts = []
    if rng.random() < _DUET:
        phrases, others, second = _shared(rng, score, pool, phrases)
        if others:
            answer = draw_character(rng, second), draw_manner(rng)
            parts.append(_lead(rng, score, others, *answer))
    if phrases:
        parts.append(_lead(rng, score, phrases, voice, manner))
    if rng.random() < 0.3:
        parts += _double(rng, score, phrases, voice, manner)
    if rng.random() < 0.28:
        parts += _harmony(rng, score, phrases, voice, singer)
    if rng.random() < 0.22:
        parts += _choir(rng, score, pool)
    if phrases and rng.random() < _GANG.get(score.style, 0.03):
        parts += _gang(rng, score, pool, phrases)
    if rng.random() < 0.12:
        parts += _hollers(rng, score, singer, voice, manner)
    return parts
