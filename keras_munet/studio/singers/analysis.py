"""Speech taken apart by WORLD: envelope, aperiodicity, pitch, and where vowels are.

Reference:
    M. Morise, F. Yokomori, K. Ozawa: WORLD: a vocoder-based high-quality speech
    synthesis system, IEICE Trans. Inf. & Syst. E99-D (2016).
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.ndimage
import scipy.signal

from keras_munet.dsp import FloatArray
from keras_munet.errors import DataError
from keras_munet.studio.score import RATE
from keras_munet.studio.singers.speech import Speech

FRAME_S = 0.005
"""Seconds between frames of an analysis."""

N_FFT = 2048
BINS_HZ: FloatArray = np.arange(N_FFT // 2 + 1) * (RATE / N_FFT)
"""Frequencies of the envelopes that are played."""

_F0_FLOOR, _F0_CEIL = 60.0, 500.0
_EDGE = 0.84  # of the recording's Nyquist frequency: above it nothing is trusted
_NEAR = 0.74  # of that edge: from here the level is measured that goes on above it
_BROAD, _DEEPEST = 49, 1.5  # bins; log amplitude below the mean around
_FALL_VOICED, _FALL_UNVOICED = 1.3, 0.7  # log amplitude per octave above it
_SONOROUS_HZ = (250.0, 3000.0)
_SONOROUS_FALL = 0.9  # log energy below its peak at which a vowel ends


@dataclass(frozen=True)
class Voiceprint:
    """A spoken phrase as frames every `FRAME_S`.

    Attributes:
        envelope: `(frames, N_FFT // 2 + 1)`, log amplitude at `BINS_HZ`.
        aperiodicity: same shape, from 0 (periodic) to 1 (noise), in amplitude.
        f0: `(frames,)` in Hz, bridged where there is none.
        voiced: `(frames,)`, 1 where the voice sounds, else 0.
        nuclei: `(syllables, 2)`, first and last moment of each vowel in frames.
        ends: first and last frame of the phrase.
    """

    envelope: FloatArray
    aperiodicity: FloatArray
    f0: FloatArray
    voiced: FloatArray
    nuclei: FloatArray
    ends: tuple[float, float]


def _pyworld() -> Any:
    with warnings.catch_warnings():  # it looks its own version up with pkg_resources
        warnings.simplefilter("ignore")
        try:
            import pyworld
        except ImportError as error:
            raise DataError(
                f"pyworld cannot be imported ({error}): pip install keras-munet[studio]"
            ) from error
    return pyworld


def _continued(wide: FloatArray, edge: float, fall: float) -> FloatArray:
    """Replaces what lies above an edge in Hz by a line that falls; log amplitudes."""
    below = (edge * _NEAR < BINS_HZ) & (edge > BINS_HZ)
    level = wide[:, below].mean(axis=1)
    level = np.minimum(level, wide[:, below][:, -8:].mean(axis=1))
    begin = int(np.searchsorted(BINS_HZ, 0.88 * edge))  # from here to the edge: a blend
    octaves = np.log2(BINS_HZ[begin:] / edge).astype(np.float32)
    blend = np.clip((BINS_HZ[begin:] / edge - 0.88) / 0.12, 0, 1).astype(np.float32)
    line = level[:, None] - np.float32(fall) * octaves
    whole = wide.copy()
    whole[:, begin:] += (line - wide[:, begin:]) * blend
    return whole


def _filled(wide: FloatArray) -> FloatArray:
    """Fills valleys that are deeper than a vocal tract makes them."""
    broad = wide
    for _ in range(2):
        broad = scipy.ndimage.uniform_filter1d(broad, _BROAD, axis=1, mode="nearest")
    filled: FloatArray = np.maximum(wide, broad - np.float32(_DEEPEST))
    return filled


def _on_grid(rows: FloatArray, nyquist: float) -> FloatArray:
    """Brings rows from 0 Hz to a Nyquist frequency to `BINS_HZ`."""
    last = rows.shape[1] - 1
    place = np.minimum(BINS_HZ / nyquist * last, last - 1e-3)
    low = place.astype(int)
    part = (place - low).astype(np.float32)
    grid: FloatArray = rows[:, low] * (1 - part) + rows[:, low + 1] * part
    return grid


def _widened(log: FloatArray, voiced: FloatArray, speech: Speech) -> FloatArray:
    """Envelopes at `BINS_HZ`, with a plausible continuation above the recording."""
    wide = _on_grid(log, speech.rate / 2)
    edge = min(_EDGE * speech.rate / 2, BINS_HZ[-1])
    noise = _continued(wide, edge, _FALL_UNVOICED)
    voice = _continued(wide, min(edge, speech.trusted_hz), _FALL_VOICED)
    weight = scipy.ndimage.gaussian_filter1d(voiced, 2.0)[:, None]
    return _filled(noise + (voice - noise) * weight.astype(np.float32))


def _sonority(wide: FloatArray, voiced: FloatArray) -> FloatArray:
    """Log energy where vowels are strong; low where the voice is silent."""
    low, high = np.searchsorted(BINS_HZ, _SONOROUS_HZ)
    energy = np.log(np.exp(2 * wide[:, low:high]).mean(axis=1) + 1e-12)
    silent = energy.min() - 3
    smooth = scipy.ndimage.gaussian_filter1d(np.where(voiced > 0, energy, silent), 4.0)
    return np.asarray(smooth, dtype=np.float64)


def _found(sonority: FloatArray) -> FloatArray:
    """Peaks of sonority, each as far as it falls by `_SONOROUS_FALL`."""
    floor = np.percentile(sonority, 95) - 5.0
    peaks, _ = scipy.signal.find_peaks(
        sonority, height=floor, distance=18, prominence=0.5
    )
    spans = []
    for before, peak, after in zip(
        [0, *peaks[:-1]], peaks, [*peaks[1:], len(sonority) - 1], strict=True
    ):
        over = sonority > sonority[peak] - _SONOROUS_FALL
        left = before + np.argmin(sonority[before : peak + 1])
        right = peak + np.argmin(sonority[peak : after + 1])
        inside = np.flatnonzero(over[left : right + 1]) + left
        spans.append((inside[0], inside[-1] + 1))
    return np.array(spans, dtype=np.float64).reshape(-1, 2)


def _told(vowels: FloatArray, n_frames: int) -> FloatArray:
    """The program's vowels in frames; those that touch are one syllable each."""
    spans = np.clip(vowels / FRAME_S, 0, n_frames - 1)
    long_enough: FloatArray = spans[spans[:, 1] - spans[:, 0] >= 3]
    return long_enough


def analyse(speech: Speech) -> Voiceprint:
    """Takes a spoken phrase apart.

    Raises:
        DataError: when pyworld is not installed.
    """
    world, rate = _pyworld(), speech.rate
    sound = np.ascontiguousarray(speech.sound, dtype=np.float64)
    sound = sound / (np.abs(sound).max() + 1e-9) * 0.5
    f0, times = world.dio(
        sound, rate, f0_floor=_F0_FLOOR, f0_ceil=_F0_CEIL, frame_period=1e3 * FRAME_S
    )
    f0 = world.stonemask(sound, f0, times, rate)
    power = world.cheaptrick(sound, f0, times, rate)
    aperiodicity = world.d4c(sound, f0, times, rate).astype(np.float32)
    voiced = (f0 > 0).astype(np.float32)
    log = (0.5 * np.log(power + 1e-14)).astype(np.float32)
    wide = _widened(log, voiced, speech)
    octaves = np.log2(np.maximum(BINS_HZ, 1) / (_EDGE * rate / 2)).astype(np.float32)
    noisy = _on_grid(aperiodicity, rate / 2) + 0.5 * np.maximum(octaves, 0)
    sonority = _sonority(wide, voiced)
    nuclei = (
        _found(sonority) if speech.vowels is None else _told(speech.vowels, len(f0))
    )
    loud = np.flatnonzero(wide[:, 5:400].max(axis=1) > wide[:, 5:400].max() - 6.5)
    ends = (max(0.0, loud[0] - 4.0), min(len(f0) - 1.0, loud[-1] + 6.0))
    at = np.flatnonzero(f0 > 0)
    bridged = np.interp(np.arange(len(f0)), at, f0[at]) if len(at) else f0 + 150.0
    return Voiceprint(wide, np.minimum(noisy, 1.0), bridged, voiced, nuclei, ends)
