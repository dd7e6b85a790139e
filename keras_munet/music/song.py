"""A song on paper: tempo, key, chords, form. The stems are rendered from it."""

from dataclasses import dataclass

import numpy as np

STEMS = ("vocals", "drums", "bass", "other")

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
PROGRESSIONS = (
    (0, 4, 5, 3),
    (5, 3, 0, 4),
    (0, 5, 3, 4),
    (0, 3, 4, 3),
    (1, 4, 0, 0),
    (0, 6, 5, 6),
    (0, 0, 3, 4),
    (3, 0, 4, 5),
)
_BARS_PER_SECTION = 4
_CHANCE_TO_PLAY = {"vocals": 0.85, "drums": 0.92, "bass": 0.92, "other": 0.95}


@dataclass(frozen=True)
class Harmony:
    """When a song's beats fall and what its chords are.

    Attributes:
        n_samples: length at 44.1 kHz.
        beat_s: seconds of a quarter note; a bar has four.
        swing: delay of every second sixteenth, as a share of a sixteenth.
        tonic: MIDI number of the key note, in the octave from C3 (48).
        scale: semitones of the seven degrees above the tonic.
        degrees: scale degree (0 to 6) of the chord of each bar.
    """

    n_samples: int
    beat_s: float
    swing: float
    tonic: int
    scale: tuple[int, ...]
    degrees: tuple[int, ...]

    @property
    def n_bars(self) -> int:
        """Bars that begin within the song."""
        return len(self.degrees)

    def step_s(self, bar: int, step: float) -> float:
        """Returns when a sixteenth (0 to 15) of a bar sounds, in seconds."""
        delay = self.swing * (int(step) % 2)
        return self.beat_s * (4 * bar + (step + delay) / 4)

    def pitch(self, degree: int) -> int:
        """Returns the MIDI number of a scale degree; 7 is an octave higher."""
        octave, index = divmod(degree, 7)
        return self.tonic + 12 * octave + self.scale[index]

    def chord(self, bar: int, n_notes: int = 3) -> list[int]:
        """Returns the MIDI numbers of a bar's chord, stacked in thirds."""
        return [self.pitch(self.degrees[bar] + 2 * k) for k in range(n_notes)]


@dataclass(frozen=True)
class Song(Harmony):
    """What all stems of a track agree on.

    Attributes:
        playing: stem -> whether it plays, per bar.
    """

    playing: dict[str, tuple[bool, ...]]


def _form(rng: np.random.Generator, n_bars: int, chance: float) -> tuple[bool, ...]:
    """Draws per section whether a stem plays; no stem is silent all the way."""
    n_sections = -(-n_bars // _BARS_PER_SECTION)
    plays = rng.random(n_sections) < chance
    if not plays.any():
        plays[rng.integers(n_sections)] = True
    return tuple(bool(p) for p in np.repeat(plays, _BARS_PER_SECTION)[:n_bars])


def draw_song(rng: np.random.Generator, seconds: float, rate: int) -> Song:
    """Draws a song of the given length."""
    beat_s = 60.0 / rng.uniform(72, 150)
    n_bars = max(1, int(np.ceil(seconds / (4 * beat_s))))
    progression = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
    bridge = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
    degrees = [
        (bridge if (bar // 8) % 3 == 2 else progression)[bar % 4]
        for bar in range(n_bars)
    ]
    return Song(
        n_samples=round(seconds * rate),
        beat_s=beat_s,
        swing=float(rng.choice([0.0, 0.0, 0.15, 0.33])),
        tonic=int(rng.integers(48, 60)),
        scale=SCALES[str(rng.choice(list(SCALES)))],
        degrees=tuple(degrees),
        playing={
            name: _form(rng, n_bars, chance) for name, chance in _CHANCE_TO_PLAY.items()
        },
    )
