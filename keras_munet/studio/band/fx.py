"""Sound effects: risers into sections, sweeps out of them, crackle, recorded noises."""

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.music import tones
from keras_munet.studio.band import kits, sounds
from keras_munet.studio.score import RATE, Pool, Score

_N_BANDS = 6


def _sweep(rng: np.random.Generator, length_s: float, rising: bool) -> FloatArray:
    """Noise whose band moves up and grows, or moves down and dies away."""
    n = int(length_s * RATE)
    x = np.linspace(0, 1, n, dtype=np.float32)
    place = x if rising else 1 - x
    noise, sound = tones.noise(rng, n), np.zeros(n, np.float32)
    edges = np.geomspace(200, 12000, _N_BANDS + 1)
    for k in range(_N_BANDS):
        weight = np.exp(-((place * (_N_BANDS - 1) - k) ** 2) / 1.2).astype(np.float32)
        sound += weight * tones.band(noise, float(edges[k]), float(edges[k + 1]))
    if rng.random() < 0.4:  # a siren in it
        pitch = 2 ** (3 * place) * rng.uniform(100, 200)
        sound += 0.5 * np.sin(2 * np.pi * tones.phases(pitch, n)).astype(np.float32)
    swept: FloatArray = sound * place ** np.float32(1.5)
    return swept


def _crackle(rng: np.random.Generator, n_samples: int) -> FloatArray:
    """The surface of a record."""
    sound = np.zeros(n_samples, np.float32)
    n = int(n_samples / RATE * rng.uniform(5, 40))
    sound[rng.integers(n_samples, size=n)] = rng.exponential(0.3, n) * rng.choice(
        [-1, 1], n
    )
    sound = tones.band(sound, 800, 9000)
    hiss = tones.band(tones.noise(rng, n_samples), 400, 8000)
    return sound + np.float32(rng.uniform(0.001, 0.01)) * hiss


def _add(sound: FloatArray, start: int, wave: FloatArray) -> None:
    """Adds what lies within the song; `start` may be before it."""
    wave, start = wave[max(0, -start) :], max(0, start)
    stop = max(start, min(len(sound), start + len(wave)))
    sound[start:stop] += wave[: stop - start]


def render(rng: np.random.Generator, score: Score, pool: Pool) -> FloatArray:
    """Plays effects around the beginnings of sections, `(n_samples, 2)`."""
    sound = np.zeros((score.n_samples, 2), np.float32)
    bar_s = 4 * score.beat_s
    for section in score.sections:
        start = round(score.step_s(section.first_bar, 0) * RATE)
        kind = rng.choice(["none", "rise", "rise", "fall", "file", "file"])
        if kind == "file" and sounds.EFFECTS[pool]:
            paths = sounds.EFFECTS[pool]
            _add(sound, start, kits.read(paths[rng.integers(len(paths))]))
        elif kind in ("rise", "fall"):
            length_s = float(rng.choice([0.5, 1, 2])) * bar_s
            wave = np.repeat(_sweep(rng, length_s, kind == "rise")[:, None], 2, axis=1)
            _add(sound, start - len(wave) if kind == "rise" else start, wave)
    if score.style == "hip-hop" or rng.random() < 0.15:
        line = _crackle(rng, score.n_samples)
        sound += line[:, None] * np.float32(0.3)
    return sound
