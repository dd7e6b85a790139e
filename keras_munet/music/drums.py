"""The drum stem: a kit and a pattern drawn per track, hits placed on sixteenths."""

import numpy as np

from keras_munet.music import tones
from keras_munet.music.song import Song
from keras_munet.music.tones import RATE, Signal

_KICKS = (
    "x...x...x...x...",
    "x.....x.x.......",
    "x..x..x...x.....",
    "x.......x.x.....",
)
_SNARES = (
    "....x.......x...",
    "....x..x....x...",
    "........x.......",
    "....x.......x..x",
)
_HATS = ("x.x.x.x.x.x.x.x.", "xxxxxxxxxxxxxxxx", "..x...x...x...x.", "x..xx..xx..xx..x")


def _kick(rng: np.random.Generator) -> Signal:
    n = int(0.45 * RATE)
    t = np.arange(n, dtype=np.float32) / RATE
    base, sweep = rng.uniform(42, 62), rng.uniform(80, 220)
    frequency = base + sweep * np.exp(-t / rng.uniform(0.015, 0.04))
    body = np.sin(2 * np.pi * tones.phases(frequency, n)).astype(np.float32)
    body *= tones.decay(n, rng.uniform(0.08, 0.16))
    click = tones.band(tones.noise(rng, n), 1500, 7000) * tones.decay(n, 0.004, 0.0005)
    punch: Signal = np.tanh(rng.uniform(1.5, 3) * body)
    return punch + rng.uniform(0.1, 0.4) * click


def _snare(rng: np.random.Generator) -> Signal:
    n = int(0.4 * RATE)
    t = np.arange(n, dtype=np.float32) / RATE
    tone = np.sin(2 * np.pi * rng.uniform(160, 230) * t)
    tone += 0.6 * np.sin(2 * np.pi * rng.uniform(280, 350) * t)
    tone *= tones.decay(n, rng.uniform(0.04, 0.09), 0.001)
    wires = tones.band(tones.noise(rng, n), rng.uniform(900, 2000), 11000)
    wires *= tones.decay(n, rng.uniform(0.05, 0.14), 0.001)
    return np.tanh(0.8 * tone + rng.uniform(0.6, 1.2) * wires).astype(np.float32)


def _metal(rng: np.random.Generator, length_s: float, decay_s: float) -> Signal:
    """A cymbal: six square waves that clash, and noise, above 5 kHz or so."""
    n = int(length_s * RATE)
    t = np.arange(n) / RATE
    squares = [np.sign(np.sin(2 * np.pi * f * t)) for f in rng.uniform(300, 900, 6)]
    clash = np.sum(squares, axis=0).astype(np.float32) * 0.3
    sound = clash + rng.uniform(0.6, 1.5) * tones.noise(rng, n)
    sound = tones.band(sound, rng.uniform(4500, 7500), 16000)
    return sound * tones.decay(n, decay_s, 0.001)


def _tom(rng: np.random.Generator, frequency_hz: float) -> Signal:
    n = int(0.5 * RATE)
    t = np.arange(n, dtype=np.float32) / RATE
    frequency = frequency_hz * (1 + 0.4 * np.exp(-t / 0.03))
    body = np.sin(2 * np.pi * tones.phases(frequency, n))
    sound: Signal = (body * tones.decay(n, 0.16)).astype(np.float32)
    return sound


def _hits(pattern: str) -> list[int]:
    return [step for step, mark in enumerate(pattern) if mark == "x"]


def _pick(rng: np.random.Generator, patterns: tuple[str, ...]) -> list[int]:
    return _hits(patterns[rng.integers(len(patterns))])


def _fill(rng: np.random.Generator, toms: list[Signal]) -> list[tuple[int, Signal]]:
    steps = np.arange(8, 16, rng.choice([1, 2]))
    return [(int(step), toms[(step - 8) * len(toms) // 8]) for step in steps]


def render(rng: np.random.Generator, song: Song) -> Signal:
    """Plays the drums of a song, `(n_samples, 2)`."""
    kick, snare = _kick(rng), _snare(rng)
    hats = [_metal(rng, 0.25, rng.uniform(0.02, 0.06)) for _ in range(3)]
    crash, open_hat = _metal(rng, 1.6, 0.5), _metal(rng, 0.5, 0.15)
    toms = [_tom(rng, f) for f in np.array([190, 140, 95]) * rng.uniform(0.85, 1.15)]
    steps = {"kick": _pick(rng, _KICKS), "snare": _pick(rng, _SNARES)}
    steps["hat"] = _pick(rng, _HATS)
    hat_level, snare_level = rng.uniform(0.12, 0.3), rng.uniform(0.7, 1.1)
    centre = np.zeros(song.n_samples, np.float32)
    metal = np.zeros(song.n_samples, np.float32)

    def hit(buffer: Signal, bar: int, step: int, sound: Signal, level: float) -> None:
        late_s = max(0.0, song.step_s(bar, step) + rng.normal(0, 0.003))
        loudness = np.float32(level * rng.uniform(0.8, 1.1))
        tones.add(buffer, round(late_s * RATE), sound * loudness)

    for bar in np.flatnonzero(song.playing["drums"]).tolist():
        fill = _fill(rng, toms) if bar % 4 == 3 and rng.random() < 0.7 else []
        last = 8 if fill else 16
        for step in steps["kick"]:
            hit(centre, bar, step, kick, 1.0)
        for step in (s for s in steps["snare"] if s < last):
            hit(centre, bar, step, snare, snare_level)
        for step in (s for s in steps["hat"] if s < last):
            accent = 1.0 if step % 4 == 0 else rng.uniform(0.4, 0.9)
            sound = open_hat if rng.random() < 0.05 else hats[rng.integers(3)]
            hit(metal, bar, step, sound, hat_level * accent)
        for step, tom in fill:
            hit(centre, bar, step, tom, 0.8)
        if bar % 4 == 0 and rng.random() < 0.6:
            hit(metal, bar, 0, crash, 0.35)
    stereo = tones.pan(np.tanh(centre), 0.0) + tones.pan(metal, rng.uniform(-0.5, 0.5))
    wet = rng.uniform(0.02, 0.2)
    return tones.room(rng, stereo, decay_s=rng.uniform(0.25, 0.8), wet=wet)
