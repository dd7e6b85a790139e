"""A recording and the takes that go into it."""

from dataclasses import replace

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.studio.score import Part
from keras_munet.studio.singers.character import Character, delivered
from keras_munet.studio.singers.melody import Note
from keras_munet.studio.singers.perform import sing
from keras_munet.studio.singers.pitch import Manner
from keras_munet.studio.singers.plan import Phrase

_PEAK = 0.7


class Track:
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


def late(notes: list[Note], seconds: float) -> list[Note]:
    """Returns the notes, later by some seconds."""
    return [
        note._replace(start_s=note.start_s + seconds, end_s=note.end_s + seconds)
        for note in notes
    ]


def perform(
    rng: np.random.Generator,
    phrase: Phrase,
    notes: list[Note],
    voice: Character,
    manner: Manner,
) -> tuple[int, FloatArray]:
    """Sings a phrase as its delivery asks; gives its first sample and the sound."""
    used = delivered(rng, voice, phrase.delivery)
    speech = phrase.speech_hz if phrase.delivery in ("rap", "whisper") else 0.0
    if phrase.delivery == "growl":
        notes = [note._replace(pitch=30 + note.pitch % 6) for note in notes]
    if phrase.delivery in ("shout", "scream"):
        manner = replace(manner, vibrato=0.5 * manner.vibrato)
    return sing(rng, phrase.print_, notes, used, manner, spoken_pitch=speech)
