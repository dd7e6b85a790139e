"""A song on paper: style, tempo, key, chords and form, which all players share."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.music import song
from keras_munet.music.tones import RATE

Pool = Literal["train", "test"]
"""Which singers, soundfonts and drum samples may be used: no sound is in both."""

STYLES = (
    "ballad",
    "rock",
    "metal",
    "punk",
    "pop",
    "folk",
    "country",
    "funk",
    "soul",
    "jazz",
    "reggae",
    "latin",
    "electronic",
    "hip-hop",
    "ambient",
)

_TEMPI = {  # quarter notes per minute, from slowest to fastest
    "ballad": (60, 92),
    "rock": (95, 150),
    "metal": (100, 190),
    "punk": (150, 200),
    "pop": (85, 130),
    "folk": (75, 140),
    "country": (85, 150),
    "funk": (88, 120),
    "soul": (65, 115),
    "jazz": (80, 190),
    "reggae": (64, 96),
    "latin": (85, 130),
    "electronic": (100, 145),
    "hip-hop": (72, 104),
    "ambient": (60, 90),
}
_SWINGS = {"jazz": 0.33, "soul": 0.2, "reggae": 0.2, "hip-hop": 0.2}

_PROGRESSIONS = (
    *song.PROGRESSIONS,
    (0, 2, 3, 4),
    (5, 4, 3, 4),
    (0, 3, 0, 4),
    (0, 0, 0, 0),
)
_FORM = (  # kind of section, loudness from 0 to 1, chance that somebody sings
    ("intro", 0.4, 0.05),
    ("verse", 0.6, 0.95),
    ("verse", 0.65, 0.95),
    ("chorus", 0.9, 0.97),
    ("instrumental", 0.7, 0.0),
    ("verse", 0.7, 0.95),
    ("chorus", 0.95, 0.97),
    ("solo", 0.85, 0.0),
    ("bridge", 0.5, 0.8),
    ("break", 0.25, 0.6),
    ("chorus", 1.0, 0.97),
    ("outro", 0.6, 0.2),
)


@dataclass(frozen=True)
class Section:
    """A part of the form.

    Attributes:
        kind: `intro`, `verse`, `chorus`, `instrumental`, `solo`, `bridge`, `break`
            or `outro`.
        first_bar: where it begins.
        n_bars: its length.
        intensity: how loud and full it is, from 0 to 1.
        is_sung: whether there is a lead voice.
    """

    kind: str
    first_bar: int
    n_bars: int
    intensity: float
    is_sung: bool


@dataclass(frozen=True)
class Score(song.Harmony):
    """What all players of a song agree on.

    Attributes:
        style: one of `STYLES`.
        sections: the form, in order, covering all bars.
    """

    style: str
    sections: tuple[Section, ...]

    def section(self, bar: int) -> Section:
        """Returns the section that a bar belongs to."""
        return next(s for s in self.sections if bar < s.first_bar + s.n_bars)


@dataclass(frozen=True)
class Part:
    """What one player contributes to a stem, before the desk.

    Attributes:
        role: for the desk: vocals `lead`, `double`, `harmony`, `choir`; drums `kit`,
            `percussion`, `machine`; `bass`; other `chords`, `melody`, `pad`, `guitar`,
            `solo`, `fx`.
        sound: `(n_samples, 2)` at `RATE`, dry, peaks of about 1 or below.
        level_db: how loud it is meant to be beside the stem's other parts.
        pan: from -1 (left) to 1 (right), for the desk to place.
    """

    role: str
    sound: FloatArray
    level_db: float = 0.0
    pan: float = 0.0


def _form(rng: np.random.Generator, n_bars: int) -> tuple[Section, ...]:
    """Draws a window of a whole song's form, so that short songs begin anywhere."""
    sections: list[Section] = []
    bar, place = 0, int(rng.integers(len(_FORM)))
    length = int(rng.choice([4, 4, 8]))
    while bar < n_bars:
        kind, intensity, chance = _FORM[place % len(_FORM)]
        short = kind in ("intro", "outro", "break", "instrumental")
        n = min(4 if short else length, n_bars - bar)
        level = float(np.clip(intensity + rng.normal(0, 0.1), 0.1, 1.0))
        sections.append(Section(kind, bar, n, level, bool(rng.random() < chance)))
        bar, place = bar + n, place + 1
    return tuple(sections)


def draw_score(rng: np.random.Generator, seconds: float) -> Score:
    """Draws a song of the given length, in seconds."""
    style = str(rng.choice(STYLES))
    beat_s = 60.0 / rng.uniform(*_TEMPI[style])
    n_bars = max(1, int(np.ceil(seconds / (4 * beat_s))))
    sections = _form(rng, n_bars)
    first, second = rng.integers(len(_PROGRESSIONS), size=2)
    degrees = [
        _PROGRESSIONS[second if s.kind in ("chorus", "bridge") else first][bar % 4]
        for s in sections
        for bar in range(s.n_bars)
    ]
    swing = _SWINGS.get(style, 0.0) if rng.random() < 0.8 else 0.0
    return Score(
        style=style,
        n_samples=round(seconds * RATE),
        beat_s=float(beat_s),
        swing=swing,
        tonic=int(rng.integers(48, 60)),
        scale=song.SCALES[str(rng.choice(list(song.SCALES)))],
        degrees=tuple(degrees),
        sections=sections,
    )


__all__ = ["RATE", "STYLES", "Part", "Pool", "Score", "Section", "draw_score"]
