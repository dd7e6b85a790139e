"""The voices of a song: a lead, and for some songs doubles, harmonies or a choir."""

from dataclasses import replace

import numpy as np

from keras_munet.studio.score import RATE, Part, Pool, Score
from keras_munet.studio.singers import plan
from keras_munet.studio.singers.backing import choir, gang, hollers
from keras_munet.studio.singers.character import (
    Character,
    draw_character,
)
from keras_munet.studio.singers.melody import Note, in_scale
from keras_munet.studio.singers.perform import inhale
from keras_munet.studio.singers.pitch import Manner, draw_manner
from keras_munet.studio.singers.plan import Phrase
from keras_munet.studio.singers.sounds import Singer
from keras_munet.studio.singers.takes import Track, late, perform

_INSTRUMENTAL = 0.08
_GANG = {"punk": 0.3, "metal": 0.2, "hip-hop": 0.15, "rock": 0.12, "folk": 0.1}
_DUET = 0.12
_HARMONIES = (2, 2, -2, -2, -3, -5, 5, 7, -7)  # scale steps


def _lead(
    rng: np.random.Generator,
    score: Score,
    phrases: list[Phrase],
    voice: Character,
    manner: Manner,
) -> Part:
    """The lead voice, with breaths before its phrases and human timing."""
    track = Track(score.n_samples)
    breaths, loose = rng.random() < 0.6, rng.uniform(0.0, 0.02)
    for phrase in phrases:
        notes = late(phrase.notes, rng.normal(0.005, loose))
        first, take = perform(rng, phrase, notes, voice, manner)
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
        track = Track(score.n_samples)
        detune = float(rng.choice([-1, 1]) * rng.uniform(0.03, 0.14))
        again = replace(manner, detune=detune, vibrato=0.8 * manner.vibrato)
        other = replace(voice, shift=voice.shift * rng.uniform(0.98, 1.02))
        for phrase in chosen:
            notes = late(phrase.notes, rng.uniform(0.01, 0.03))
            track.add(*perform(rng, phrase, notes, other, again))
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
        track = Track(score.n_samples)
        shift = voice.shift * rng.uniform(0.92, 1.1)
        other = replace(draw_character(rng, lead), shift=float(shift))
        manner = draw_manner(rng)
        for phrase in chosen:
            notes = late(harmonised(score, phrase.notes, steps), rng.normal(0, 0.012))
            track.add(*perform(rng, phrase, notes, other, manner))
        level, pan = rng.uniform(-12, -4), rng.uniform(-0.7, 0.7)
        if chosen:
            parts.append(track.part("harmony", float(level), float(pan)))
    return parts


def harmonised(score: Score, notes: list[Note], steps: int) -> list[Note]:
    """Returns the notes a number of scale steps away."""
    return [n._replace(pitch=in_scale(score, n.pitch, int(steps))) for n in notes]


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
        parts += choir(rng, score, pool)
    if phrases and rng.random() < _GANG.get(score.style, 0.03):
        parts += gang(rng, score, pool, phrases)
    if rng.random() < 0.12:
        parts += hollers(rng, score, singer, voice, manner)
    return parts
