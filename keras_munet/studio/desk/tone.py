"""Equalisers and modulation, as a mixer chooses them for each role."""

from typing import NamedTuple

import numpy as np
import pedalboard

LOW, PEAK, HIGH = "low", "peak", "high"


class Band(NamedTuple):
    """A band of an equaliser: kind, range of its frequency, range of its gain."""

    kind: str
    low_hz: float
    high_hz: float
    least_db: float
    most_db: float


_CLEAN_UP = {  # where the high-pass filter of a channel may stand, in Hz
    "lead": (60, 140),
    "double": (90, 250),
    "harmony": (90, 250),
    "choir": (100, 300),
    "kit": (20, 40),
    "machine": (20, 40),
    "percussion": (80, 250),
    "bass": (20, 45),
    "chords": (50, 160),
    "melody": (60, 200),
    "pad": (60, 250),
    "guitar": (60, 140),
    "solo": (60, 180),
    "fx": (40, 200),
}
_VOICE = (
    Band(LOW, 150, 320, -4, 3),
    Band(PEAK, 250, 700, -4, 3),
    Band(PEAK, 1500, 4500, -3, 5),
    Band(HIGH, 6000, 12000, -4, 7),
)
_DRUMS = (
    Band(LOW, 60, 120, -3, 6),
    Band(PEAK, 250, 600, -6, 1),
    Band(PEAK, 2500, 5500, -2, 5),
    Band(HIGH, 7000, 12000, -4, 5),
)
_BASS = (
    Band(LOW, 70, 140, -3, 5),
    Band(PEAK, 180, 400, -4, 2),
    Band(PEAK, 700, 1800, -3, 6),
    Band(HIGH, 3000, 6000, -9, 4),
)
_REST = (
    Band(LOW, 150, 350, -6, 3),
    Band(PEAK, 300, 900, -5, 4),
    Band(PEAK, 1200, 4500, -5, 5),
    Band(HIGH, 5000, 11000, -6, 6),
)
_BANDS = {
    **dict.fromkeys(("lead", "double", "harmony", "choir"), _VOICE),
    **dict.fromkeys(("kit", "machine", "percussion"), _DRUMS),
    "bass": _BASS,
}

_MODULATED = {"pad": 0.35, "chords": 0.3, "guitar": 0.25, "solo": 0.15, "melody": 0.15}
_SLIGHTLY = {"double": 0.1, "harmony": 0.15, "choir": 0.2, "bass": 0.08, "lead": 0.03}


def _filter(rng: np.random.Generator, band: Band) -> pedalboard.Plugin:
    """Draws one band; frequencies spread evenly in octaves."""
    hz = float(np.exp(rng.uniform(np.log(band.low_hz), np.log(band.high_hz))))
    gain_db = float(rng.uniform(band.least_db, band.most_db))
    if band.kind == LOW:
        return pedalboard.LowShelfFilter(hz, gain_db, 0.7)
    if band.kind == HIGH:
        return pedalboard.HighShelfFilter(hz, gain_db, 0.7)
    return pedalboard.PeakFilter(hz, gain_db, float(rng.uniform(0.5, 2.0)))


def equalizer(rng: np.random.Generator, role: str) -> list[pedalboard.Plugin]:
    """Draws a channel's filters: a high-pass often, each band in half of the cases."""
    filters: list[pedalboard.Plugin] = []
    if rng.random() < 0.8:
        cutoff = float(rng.uniform(*_CLEAN_UP.get(role, (40, 160))))
        filters.append(pedalboard.HighpassFilter(cutoff))
    for band in _BANDS.get(role, _REST):
        if rng.random() < 0.5:
            filters.append(_filter(rng, band))
    return filters


def modulation(rng: np.random.Generator, role: str) -> list[pedalboard.Plugin]:
    """Draws a chorus, a phaser, or mostly nothing."""
    if rng.random() >= {**_MODULATED, **_SLIGHTLY}.get(role, 0.0):
        return []
    if rng.random() < 0.8:
        return [
            pedalboard.Chorus(
                rate_hz=rng.uniform(0.2, 2.5),
                depth=rng.uniform(0.05, 0.35),
                centre_delay_ms=rng.uniform(4, 14),
                feedback=rng.uniform(0.0, 0.3),
                mix=rng.uniform(0.2, 0.5),
            )
        ]
    return [
        pedalboard.Phaser(
            rate_hz=rng.uniform(0.1, 1.5),
            depth=rng.uniform(0.2, 0.7),
            centre_frequency_hz=rng.uniform(500, 2000),
            feedback=rng.uniform(0.0, 0.4),
            mix=rng.uniform(0.25, 0.5),
        )
    ]


def telephone(rng: np.random.Generator) -> list[pedalboard.Plugin]:
    """Draws the sound of a small loudspeaker: no bass, no treble, a hump."""
    low, high = float(rng.uniform(250, 600)), float(rng.uniform(2200, 4500))
    return [
        pedalboard.HighpassFilter(low),
        pedalboard.HighpassFilter(low),
        pedalboard.LowpassFilter(high),
        pedalboard.LowpassFilter(high),
        pedalboard.PeakFilter(float(rng.uniform(900, 2000)), 5.0, 1.0),
    ]


def muffled(rng: np.random.Generator) -> list[pedalboard.Plugin]:
    """Draws the sound of music behind a door."""
    cutoff = float(np.exp(rng.uniform(np.log(350), np.log(2500))))
    return [pedalboard.LowpassFilter(cutoff), pedalboard.LowpassFilter(cutoff)]
