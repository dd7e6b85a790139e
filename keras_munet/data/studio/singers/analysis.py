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

from keras_munet.data.studio.score import RATE
from keras_munet.data.studio.singers.speech import Speech
from keras_munet.dsp import FloatArray
from keras_munet.errors import DataError

FRAME_S = 0.005
"""Seconds between frames of an analysis."""

N_FFT = 2048
BINS_HZ: FloatArray = np.arange(N_FFT // 2 + 1) * (RATE / N_FFT)
"""Frequencies of the envelopes that are played."""

_F0_FLOOR, _F0_CEIL = 60.0, 500.0
_EDGE = (0.62, 0.84)  # of the recording's Nyquist frequency: the last that is trusted
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


def _widened(
    log: FloatArray, aperiodicity: FloatArray, voiced: FloatArray, rate: int
) -> tuple[FloatArray, FloatArray]:
    """Brings both to `BINS_HZ`, with a plausible continuation above the recording."""
    nyquist = rate / 2
    place = np.minimum(BINS_HZ, _EDGE[1] * nyquist) / nyquist * (log.shape[1] - 1)
    low = np.minimum(place.astype(int), log.shape[1] - 2)
    part = (place - low).astype(np.float32)
    wide = log[:, low] * (1 - part) + log[:, low + 1] * part
    noisy = aperiodicity[:, low] * (1 - part) + aperiodicity[:, low + 1] * part
    edge = _EDGE[1] * nyquist
    bins = [round(share * (log.shape[1] - 1)) for share in (*_EDGE, 0.93 * _EDGE[1])]
    level = log[:, bins[0] : bins[1]].mean(axis=1)
    level = np.minimum(level, log[:, bins[2] : bins[1]].mean(axis=1))
    octaves = np.log2(np.maximum(BINS_HZ, 1.0) / edge).astype(np.float32)
    smooth = scipy.ndimage.gaussian_filter1d(voiced, 2.0)
    fall = _FALL_UNVOICED + (_FALL_VOICED - _FALL_UNVOICED) * smooth
    begin = int(np.searchsorted(BINS_HZ, 0.88 * edge))  # from here to the edge: a blend
    blend = np.clip((BINS_HZ[begin:] / edge - 0.88) / 0.12, 0, 1).astype(np.float32)
    line = level[:, None] - fall[:, None] * octaves[begin:]
    wide[:, begin:] += (line - wide[:, begin:]) * blend
    noisy = np.minimum(1.0, noisy + 0.5 * np.maximum(octaves, 0.0))
    return wide, noisy


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
    wide, noisy = _widened(log, aperiodicity, voiced, rate)
    sonority = _sonority(wide, voiced)
    nuclei = (
        _found(sonority) if speech.vowels is None else _told(speech.vowels, len(f0))
    )
    loud = np.flatnonzero(wide[:, 5:400].max(axis=1) > wide[:, 5:400].max() - 6.5)
    ends = (max(0.0, loud[0] - 4.0), min(len(f0) - 1.0, loud[-1] + 6.0))
    at = np.flatnonzero(f0 > 0)
    bridged = np.interp(np.arange(len(f0)), at, f0[at]) if len(at) else f0 + 150.0
    return Voiceprint(wide, noisy, bridged, voiced, nuclei, ends)
