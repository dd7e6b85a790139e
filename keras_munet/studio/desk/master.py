"""What the whole mixture passes; the stems pass it alike, so their sum stays exact.

Filters may be laid on each stem, for they distribute over the sum. Compressor and
limiter listen to the sum, and their gain is laid on each stem.
"""

import functools

import numpy as np
import pedalboard

from keras_munet.dsp import FloatArray
from keras_munet.studio.desk import dynamics
from keras_munet.studio.desk.era import Sound
from keras_munet.studio.desk.plugins import run

PEAK = 0.97
"""Highest sample of the mixture, and of each stem."""

Stems = dict[str, FloatArray]


def _filters(rng: np.random.Generator, sound: Sound) -> list[pedalboard.Plugin]:
    """Draws a tilt in some songs, and the ends of the era's spectrum."""
    filters: list[pedalboard.Plugin] = []
    if rng.random() < 0.4:
        corner, gain_db = float(rng.uniform(400, 2500)), float(rng.normal(0, 1.5))
        filters.append(pedalboard.HighShelfFilter(corner, gain_db, 0.4))
    if sound.bottom_hz > 40:
        filters.append(pedalboard.HighpassFilter(sound.bottom_hz))
    if sound.top_hz < 16000:
        filters.append(pedalboard.LowpassFilter(sound.top_hz))
        filters.append(pedalboard.LowpassFilter(sound.top_hz))
    return filters


def total(stems: Stems) -> FloatArray:
    """Returns the sum of the stems."""
    mixture: FloatArray = functools.reduce(np.add, stems.values())
    return mixture


def highest(stems: Stems) -> FloatArray:
    """Returns per block the highest peak of the sum and of each stem."""
    mixture = dynamics.peaks(total(stems))
    stem_peaks = [dynamics.peaks(sound) for sound in stems.values()]
    loudest: FloatArray = functools.reduce(np.maximum, [mixture, *stem_peaks])
    return loudest


def gain_curve(rng: np.random.Generator, stems: Stems, sound: Sound) -> FloatArray:
    """Draws the one gain curve of a song, `(samples,)`: compressor, then limiter."""
    levels = highest(stems)
    usual = float(np.quantile(levels, 0.9)) + 1e-6
    glue = np.ones_like(levels)
    if sound.bus_db > 0.3:
        ratio = float(rng.uniform(1.5, 4))
        glue = dynamics.compression(
            levels,
            threshold_db=20 * float(np.log10(usual)) - sound.bus_db / (1 - 1 / ratio),
            ratio=ratio,
            attack_ms=float(rng.uniform(5, 40)),
            release_ms=float(rng.uniform(60, 400)),
        )
        glue = glue / np.float32(np.mean(glue))
    limiter = dynamics.limiting(
        levels * glue, ceiling=PEAK, release_db_s=float(rng.uniform(25, 200))
    )
    return dynamics.curve(glue * limiter, len(next(iter(stems.values()))))


def master(rng: np.random.Generator, stems: Stems, sound: Sound) -> Stems:
    """Finishes a song.

    Args:
        rng: draws the settings.
        stems: at their levels in the mix.
        sound: of the record.

    Returns:
        The stems, filtered alike, times one gain curve; no peak above `PEAK`.
    """
    seed = rng.integers(2**32)
    loudness = np.float32(10 ** (sound.loudness_db / 20))
    filtered = {}
    for name, stem in stems.items():
        filters = _filters(np.random.default_rng(seed), sound)
        filtered[name] = run(filters, stem * loudness) if stem.any() else stem
    gains = gain_curve(rng, filtered, sound)[:, None]
    return {name: stem * gains for name, stem in filtered.items()}
