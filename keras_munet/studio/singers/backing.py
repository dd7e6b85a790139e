"""Voices behind the lead: a choir on the chords, a gang that shouts along, calls."""

from dataclasses import replace

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.studio.score import RATE, Part, Pool, Score
from keras_munet.studio.singers import plan
from keras_munet.studio.singers.character import Character, draw_character
from keras_munet.studio.singers.lyrics import HOLLERS
from keras_munet.studio.singers.melody import Contour, Note
from keras_munet.studio.singers.perform import sing
from keras_munet.studio.singers.pitch import Manner, draw_manner
from keras_munet.studio.singers.plan import Phrase
from keras_munet.studio.singers.sounds import Singer
from keras_munet.studio.singers.takes import Track, late, perform

_GANG_LINES = 4


def gang(
    rng: np.random.Generator, score: Score, pool: Pool, phrases: list[Phrase]
) -> list[Part]:
    """A few people who shout some of the lead's lines along with it."""
    chosen = [p for p in phrases if p.slot.lift] or phrases
    chosen = [chosen[k] for k in rng.permutation(len(chosen))[:_GANG_LINES]]
    tracks = [Track(score.n_samples) for _ in "lr"]
    for k in range(int(rng.integers(2, 5))):
        singer = plan.draw_singer(rng, pool)
        voice, manner = draw_character(rng, singer), draw_manner(rng)
        manner = replace(manner, detune=float(rng.normal(0, 0.15)))
        prints = plan.voiceprints(singer, [p.text for p in chosen])
        for phrase, print_ in zip(chosen, prints, strict=True):
            octave = 12 * round((singer.lowest + 9 - phrase.notes[0].pitch) / 12)
            notes = [
                note._replace(pitch=note.pitch + octave)
                for note in late(phrase.notes, rng.normal(0, 0.02))
                if note.syllable < len(print_.nuclei)
            ]
            if notes:
                shouted = replace(phrase, print_=print_, delivery="shout")
                tracks[k % 2].add(*perform(rng, shouted, notes, voice, manner))
    level, width = float(rng.uniform(-10, -3)), float(rng.uniform(0.2, 1.0))
    sides = zip(tracks, (-width, width), strict=True)
    return [t.part("choir", level, pan) for t, pan in sides if t.sound.any()]


def _choir_bars(rng: np.random.Generator, score: Score) -> list[int]:
    """Bars in which a choir sings: choruses, or everywhere that is sung."""
    sung = [bar for bar in range(score.n_bars) if score.section(bar).is_sung]
    choruses = [bar for bar in sung if score.section(bar).kind == "chorus"]
    return choruses if choruses and rng.random() < 0.7 else sung


def choir(rng: np.random.Generator, score: Score, pool: Pool) -> list[Part]:
    """Three to six voices that hold the chords on a vowel."""
    bars, tracks = _choir_bars(rng, score), [Track(score.n_samples) for _ in "lr"]
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


def hollers(
    rng: np.random.Generator,
    score: Score,
    singer: Singer,
    voice: Character,
    manner: Manner,
) -> list[Part]:
    """Short calls anywhere, also where nobody sings."""
    words = [str(word) for word in rng.choice(HOLLERS, size=2, replace=False)]
    prints = [p for p in plan.voiceprints(singer, words) if len(p.nuclei)]
    track = Track(score.n_samples)
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
