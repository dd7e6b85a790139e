"""The vocal tract: spoken envelopes made those of a certain singer."""

import numpy as np
import scipy.ndimage

from keras_munet.dsp import FloatArray
from keras_munet.studio.singers.analysis import BINS_HZ, Voiceprint
from keras_munet.studio.singers.character import DB, Character, octaves

_SUNG_TILT_DB, _BALANCE = -8.5, 0.75  # per octave; how much of the rest is mended
_TUNE_FROM_HZ, _TUNE_BINS = 330.0, 64  # high notes: the first formant goes along
_TUNE_DB = 5.0
_SIBILANT = 0.8  # log level below the vowels that consonants do not exceed


def between(rows: FloatArray, place: FloatArray) -> FloatArray:
    """Rows between frames, `(len(place), bins)`."""
    low = np.clip(place.astype(int), 0, len(rows) - 2)
    part = (place - low).astype(np.float32)[:, None]
    between: FloatArray = rows[low] * (1 - part) + rows[low + 1] * part
    return between


def scaled(rows: FloatArray, voice: Character) -> FloatArray:
    """Envelopes as the vocal tract of a voice would give them."""
    n = rows.shape[1]
    factor = voice.shift * (1 + voice.skew * np.tanh((BINS_HZ - 1200) / 1000))
    place = np.minimum(np.arange(n) / factor, n - 1.001)
    low = place.astype(int)
    part = (place - low).astype(np.float32)
    scaled: FloatArray = rows[:, low] * (1 - part) + rows[:, low + 1] * part
    return scaled


def in_vowel(print_: Voiceprint) -> FloatArray:
    """1 in the vowels of a phrase, with soft edges, else 0; `(frames,)`."""
    inside = np.zeros(len(print_.f0))
    for start, end in print_.nuclei.astype(int):
        inside[start : end + 1] = 1.0
    return np.asarray(scipy.ndimage.gaussian_filter1d(inside, 1.5))


def balanced(print_: Voiceprint) -> FloatArray:
    """Log gain that brings a speaker's tilt near to that of singing, `(bins,)`."""
    vowels = print_.envelope[in_vowel(print_) > 0.5]
    band = (BINS_HZ > 600) & (BINS_HZ < 5000)
    found = np.polyfit(np.log2(BINS_HZ[band]), vowels.mean(axis=0)[band], 1)[0]
    return np.float32(_BALANCE * (_SUNG_TILT_DB * DB - found)) * octaves()


def evened(print_: Voiceprint, evenness: float) -> FloatArray:
    """Log gains that bring the syllables closer to one level, `(frames,)`."""
    middles = print_.nuclei.mean(axis=1)
    band = (BINS_HZ > 150) & (BINS_HZ < 4000)
    power = np.exp(2 * between(print_.envelope, middles)[:, band]).mean(axis=1)
    level = 0.5 * np.log(power + 1e-12)
    gains = np.clip(evenness * (np.median(level) - level), -1.5, 1.5)
    even = np.interp(np.arange(len(print_.f0)), middles, gains - np.median(level))
    return np.asarray(even)


def too_sharp(rows: FloatArray, vowel: FloatArray) -> FloatArray:
    """By how much consonants outdo the vowels, log amplitude; `(frames,)`."""
    level = 0.5 * np.log(np.mean(np.exp(2 * rows), axis=1) + 1e-12)
    usual = np.median(level[vowel > 0.5])
    return np.asarray(np.maximum(level - usual + _SIBILANT, 0.0) * (1 - vowel))


def noise_in_vowels(breath: float) -> FloatArray:
    """Aperiodicity of a sung vowel, `(bins,)`, rising with frequency."""
    rise = 1 / (1 + np.exp(-(BINS_HZ - (9000 - 5500 * breath)) / 1500))
    return (0.015 + 0.12 * breath + (0.8 + 0.06 * breath) * rise).astype(np.float32)


def tuned(rows: FloatArray, midi: FloatArray) -> FloatArray:
    """Lifts the fundamental of high notes, as singers open their mouths for them."""
    hz = 440 * 2 ** ((midi[:, None] - 69) / 12)
    near = np.exp(-0.5 * ((BINS_HZ[None, :_TUNE_BINS] - hz) / (0.25 * hz)) ** 2)
    lift = np.clip((hz - _TUNE_FROM_HZ) / 300, 0, 1) * _TUNE_DB * DB
    rows[:, :_TUNE_BINS] += (lift * near).astype(np.float32)
    return rows
