"""The bass stem: one low voice that follows the chords."""

import numpy as np

from keras_munet.music import tones
from keras_munet.music.song import Song
from keras_munet.music.tones import RATE, Signal

# (sixteenth, length in sixteenths, chord tone: 0 root, 1 fifth, 2 octave)
_PATTERNS = (
    tuple((step, 2, 0) for step in range(0, 16, 2)),
    ((0, 4, 0), (4, 4, 0), (8, 4, 1), (12, 4, 0)),
    ((0, 6, 0), (6, 2, 0), (8, 6, 1), (14, 2, 2)),
    ((0, 3, 0), (3, 3, 0), (6, 2, 2), (8, 3, 0), (11, 3, 1), (14, 2, 0)),
    ((0, 2, 0), (2, 2, 2), (4, 2, 0), (6, 2, 2), (8, 2, 0), (10, 2, 2), (12, 4, 1)),
    ((0, 16, 0),),
    ((0, 7, 0), (8, 7, 0)),
)


def _note(
    frequency_hz: float, n_samples: int, *, dark: float, bright: float, decay_s: float
) -> Signal:
    """A plucked or held tone whose upper harmonics die away first."""
    limit = min(32, tones.harmonic_limit(frequency_hz))
    phase = tones.phases(frequency_hz, n_samples)
    low = tones.read_table(tones.saw(limit, dark), phase)
    high = tones.read_table(tones.saw(limit, bright), phase)
    opening = tones.decay(n_samples, 0.35 * decay_s, 0.004)
    sound = low + opening * (high - low)
    sound *= tones.gate(n_samples, 0.006, 0.03)
    sound *= np.exp(-np.arange(n_samples, dtype=np.float32) / (decay_s * RATE))
    return sound


def render(rng: np.random.Generator, song: Song) -> Signal:
    """Plays the bass of a song, `(n_samples, 2)`."""
    patterns = [_PATTERNS[rng.integers(len(_PATTERNS))] for _ in range(2)]
    dark, bright = rng.uniform(2.0, 3.2), rng.uniform(0.9, 1.6)
    decay_s, drive = rng.uniform(0.5, 3.0), rng.uniform(0.8, 2.5)
    short = rng.uniform(0.75, 1.0)
    line = np.zeros(song.n_samples, np.float32)
    for bar in np.flatnonzero(song.playing["bass"]).tolist():
        root = song.pitch(song.degrees[bar])
        root -= 24 if root >= 52 else 12  # E1 (28) to D#3 and not lower
        tops = (root, root + 7, root + 12)
        for step, length, tone in patterns[(bar // 4) % 2]:
            start = round(song.step_s(bar, step) * RATE)
            n = int(length * song.beat_s / 4 * short * RATE)
            sound = _note(
                tones.hertz(tops[tone]), n, dark=dark, bright=bright, decay_s=decay_s
            )
            tones.add(line, start, sound * np.float32(rng.uniform(0.75, 1.0)))
    line = np.tanh(drive * line)
    line = tones.band(line, 25.0, rng.uniform(1500, 5000))
    return tones.pan(line, rng.uniform(-0.1, 0.1))
