"""A drum machine of our own: kicks, snares, hats, claps, toms of sines and noise."""

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.music import tones
from keras_munet.studio.score import RATE


def _sweep(n: int, high_hz: float, low_hz: float, fall_s: float) -> FloatArray:
    """A sine whose pitch falls, as a drum skin's does."""
    t = np.arange(n) / RATE
    pitch = low_hz + (high_hz - low_hz) * np.exp(-t / fall_s)
    wave: FloatArray = np.sin(2 * np.pi * tones.phases(pitch, n)).astype(np.float32)
    return wave


def _hiss(
    rng: np.random.Generator, n: int, low_hz: float, high_hz: float
) -> FloatArray:
    return tones.band(tones.noise(rng, n), low_hz, high_hz)


def _kick(rng: np.random.Generator) -> FloatArray:
    long = rng.random() < 0.3  # the boom of hip-hop
    decay_s = rng.uniform(0.3, 0.7) if long else rng.uniform(0.08, 0.25)
    n = int(min(1.6, 5 * decay_s) * RATE)
    low = rng.uniform(38, 62)
    body = _sweep(n, rng.uniform(120, 450), low, rng.uniform(0.008, 0.05))
    body *= tones.decay(n, decay_s, 0.001)
    click = _hiss(rng, n, 1500, 9000) * tones.decay(n, 0.003, 0.0003)
    return np.tanh(rng.uniform(1, 3) * (body + rng.uniform(0.05, 0.5) * click))


def _snare(rng: np.random.Generator) -> FloatArray:
    decay_s = rng.uniform(0.06, 0.22)
    n = int(5 * decay_s * RATE)
    body = _sweep(n, rng.uniform(250, 400), rng.uniform(150, 220), 0.02)
    body *= tones.decay(n, rng.uniform(0.04, 0.1), 0.001)
    wires = _hiss(rng, n, rng.uniform(700, 2500), rng.uniform(6000, 14000))
    wires *= tones.decay(n, decay_s, 0.001)
    return np.tanh(rng.uniform(0.3, 1.0) * body + rng.uniform(0.4, 0.9) * wires)


def _clap(rng: np.random.Generator) -> FloatArray:
    n, gap = int(0.4 * RATE), int(rng.uniform(0.008, 0.013) * RATE)
    envelope = tones.decay(n, rng.uniform(0.05, 0.12), 0.002)
    for k in range(1, 4):
        burst = tones.decay(n - k * gap, 0.004, 0.0005)
        envelope[k * gap :] += burst
    low = rng.uniform(700, 1200)
    return envelope * _hiss(rng, n, low, low * rng.uniform(2.5, 5))


def _metal(rng: np.random.Generator, n: int) -> FloatArray:
    """Six square waves in no harmonic proportion, as in the TR-808, and hiss."""
    base = rng.uniform(180, 420)
    ratios = (1.0, 1.342, 1.2312, 1.6532, 1.9523, 2.1523)
    t = np.arange(n) / RATE
    wave = sum(np.sign(np.sin(2 * np.pi * base * r * t)) for r in ratios)
    noise = tones.noise(rng, n) * np.float32(rng.uniform(0.5, 4))
    mixed = (np.asarray(wave) + noise).astype(np.float32)
    return tones.band(mixed, rng.uniform(5000, 8000), 0.49 * RATE, order=3)


def _hat(rng: np.random.Generator) -> FloatArray:
    decay_s = rng.uniform(0.012, 0.05)
    n = int(6 * decay_s * RATE)
    return _metal(rng, n) * tones.decay(n, decay_s, 0.0005)


def _open(rng: np.random.Generator) -> FloatArray:
    decay_s = rng.uniform(0.1, 0.3)
    n = int(4 * decay_s * RATE)
    return _metal(rng, n) * tones.decay(n, decay_s, 0.001)


def _crash(rng: np.random.Generator) -> FloatArray:
    n = int(2.0 * RATE)
    wave = _metal(rng, n) + 0.5 * _hiss(rng, n, 2500, 12000)
    return wave * tones.decay(n, rng.uniform(0.4, 0.8), 0.001)


def _tom(rng: np.random.Generator, low_hz: float) -> FloatArray:
    decay_s = rng.uniform(0.1, 0.3)
    n = int(4 * decay_s * RATE)
    wave = _sweep(n, low_hz * rng.uniform(1.3, 2.2), low_hz, 0.05)
    return wave * tones.decay(n, decay_s, 0.001)


def _rim(rng: np.random.Generator) -> FloatArray:
    n = int(0.08 * RATE)
    wave = _sweep(n, 1800, rng.uniform(400, 900), 0.004) + 0.2 * tones.noise(rng, n)
    return wave * tones.decay(n, rng.uniform(0.008, 0.02), 0.0005)


def _cowbell(rng: np.random.Generator) -> FloatArray:
    n, base = int(0.4 * RATE), rng.uniform(480, 620)
    t = np.arange(n) / RATE
    wave = sum(np.sign(np.sin(2 * np.pi * base * r * t)) for r in (1.0, 1.48))
    wave = tones.band(np.asarray(wave, np.float32), 0.8 * base, 5 * base)
    return wave * tones.decay(n, 0.06, 0.001)


def _shaker(rng: np.random.Generator) -> FloatArray:
    n = int(0.12 * RATE)
    return _hiss(rng, n, rng.uniform(3000, 7000), 16000) * tones.decay(n, 0.025, 0.015)


_MAKERS = {
    "kick": _kick,
    "snare": _snare,
    "clap": _clap,
    "hat": _hat,
    "pedal": _hat,
    "open": _open,
    "crash": _crash,
    "ride": _open,
    "rim": _rim,
    "cowbell": _cowbell,
    "shaker": _shaker,
}
_TOMS = {"tom1": 165.0, "tom2": 120.0, "tom3": 85.0}


def make(rng: np.random.Generator, drum: str) -> FloatArray | None:
    """Draws a hit of a drum machine, `(n, 2)` peak 1; None without such a drum."""
    if drum in _TOMS:
        wave = _tom(rng, _TOMS[drum] * rng.uniform(0.8, 1.25))
    elif drum in _MAKERS:
        wave = _MAKERS[drum](rng)
    else:
        return None
    wave = wave.astype(np.float32) / np.float32(np.abs(wave).max())
    wave[-64:] *= np.linspace(1, 0, 64, dtype=np.float32)
    return np.repeat(wave[:, None], 2, axis=1)
