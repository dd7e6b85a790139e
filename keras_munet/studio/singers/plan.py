"""Who sings what: the lead's phrases with their words, sounds and notes."""

import functools
from dataclasses import dataclass

import numpy as np

from keras_munet.studio.score import Pool, Score, Section
from keras_munet.studio.singers import lyrics, melody
from keras_munet.studio.singers.analysis import Voiceprint, analyse
from keras_munet.studio.singers.sounds import SINGERS, Singer, roster
from keras_munet.studio.singers.speech import speak

_RAP = {"hip-hop": 0.75, "funk": 0.1, "electronic": 0.1, "pop": 0.08, "reggae": 0.15}
_DELIVERIES = {  # style -> chances; what is left is sung
    "metal": {"scream": 0.25, "growl": 0.2, "shout": 0.2},
    "punk": {"shout": 0.55, "scream": 0.1},
    "rock": {"shout": 0.15, "falsetto": 0.05},
    "pop": {"falsetto": 0.12, "whisper": 0.03},
    "soul": {"falsetto": 0.15},
    "electronic": {"falsetto": 0.1, "whisper": 0.06},
    "ambient": {"falsetto": 0.2, "whisper": 0.1},
    "funk": {"falsetto": 0.12, "shout": 0.1},
}


_BELT = 3  # semitones above the comfortable range that choruses may reach


@dataclass(frozen=True)
class Phrase:
    """A phrase ready to be sung.

    Attributes:
        slot: its room in the song.
        text: its words.
        print_: the words as spoken.
        notes: one or more for each syllable.
        delivery: how it is sung, see `character.delivered`.
        speech_hz: around which pitch its words are spoken, where they are.
    """

    slot: melody.Slot
    text: str
    print_: Voiceprint
    notes: list[melody.Note]
    delivery: str
    speech_hz: float


def draw_singer(rng: np.random.Generator, pool: Pool) -> Singer:
    """Draws who sings."""
    singers = roster(pool)
    weight = np.array([singer.weight for singer in singers])
    return singers[rng.choice(len(singers), p=weight / weight.sum())]


@functools.lru_cache(maxsize=64)
def _known(name: str, texts: tuple[str, ...]) -> tuple[Voiceprint, ...]:
    singer = next(s for s in SINGERS if s.name == name)
    return tuple(analyse(speech) for speech in speak(singer, list(texts)))


def voiceprints(singer: Singer, texts: list[str]) -> list[Voiceprint]:
    """Lets a singer say texts and takes them apart; short ones are remembered."""
    if sum(len(text) for text in texts) < 24:
        return list(_known(singer.name, tuple(texts)))
    return [analyse(speech) for speech in speak(singer, texts)]


def _delivery(rng: np.random.Generator, score: Score) -> str:
    draw = rng.random()
    if draw < _RAP.get(score.style, 0.0):
        return "rap"
    draw = rng.random()
    for name, chance in _DELIVERIES.get(score.style, {}).items():
        draw -= chance
        if draw < 0:
            return name
    return "sung"


def _register(rng: np.random.Generator, singer: Singer) -> tuple[float, float]:
    """Draws the part of a singer's range in which a song's verses lie."""
    span = float(rng.uniform(9, 15))
    room = max(0.0, singer.highest - singer.lowest - span)
    low = singer.lowest + room * rng.random() ** 0.8
    return float(low), float(low + span)


def _plain_sections(
    rng: np.random.Generator, score: Score, delivery: str
) -> list[Section]:
    """Sections that are sung plainly although the song has another delivery."""
    chances = {"rap": (0.1, 0.6), "whisper": (0.6, 1.0), "growl": (0.3, 0.6)}
    verse, chorus = chances.get(delivery, (0.3, 0.3))
    return [
        section
        for section in score.sections
        if rng.random() < (chorus if section.kind == "chorus" else verse)
    ]


def draw_phrases(
    rng: np.random.Generator, score: Score, singer: Singer
) -> list[Phrase]:
    """Writes the lead: words, melody and delivery for all sung sections."""
    delivery = _delivery(rng, score)
    slots = melody.draw_slots(rng, score, rap=delivery == "rap")
    texts: dict[tuple[str, int], str] = {}
    for slot in slots:
        if slot.motif not in texts:
            n = slot.n_syllables
            texts[slot.motif] = lyrics.sentence(rng, singer.language, n)
    prints = dict(zip(texts, voiceprints(singer, list(texts.values())), strict=True))
    seed = int(rng.integers(2**31))
    plain = _plain_sections(rng, score, delivery)
    speech_hz = float(440 * 2 ** ((singer.lowest + rng.uniform(1, 7) - 69) / 12))
    low, high = _register(rng, singer)
    phrases = []
    for slot in slots:
        print_ = prints[slot.motif]
        if len(print_.nuclei) == 0:
            continue
        kind = "sung" if score.section(slot.bar) in plain else delivery
        lifted = slot.lift + 3 * (kind == "falsetto")
        top = min(high + lifted, singer.highest + _BELT)
        contour = melody.Contour(score, min(low + lifted, top - 8), top)
        motif = [seed, len(slot.motif[0]), *map(ord, slot.motif[0]), slot.motif[1]]
        notes = melody.draw_notes(
            score,
            slot,
            len(print_.nuclei),
            contour,
            seed=motif,
            busy=kind == "rap",
        )
        phrases.append(Phrase(slot, texts[slot.motif], print_, notes, kind, speech_hz))
    return phrases
