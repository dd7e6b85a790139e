"""One voice sings one phrase: the spoken frames, on time, in tune, in character."""

import numpy as np
import scipy.ndimage

from keras_munet.dsp import FloatArray
from keras_munet.studio.score import RATE
from keras_munet.studio.singers import pitch, source, tract, vocoder
from keras_munet.studio.singers.analysis import BINS_HZ, FRAME_S, Voiceprint
from keras_munet.studio.singers.character import DB, Character, octaves
from keras_munet.studio.singers.melody import Note
from keras_munet.studio.singers.timing import syllable_times, warp

_HOP_S = vocoder.HOP / RATE
_NOISE_PRESS = 0.5  # how much of that is heard in noise
_EFFORT_DB = 7.0  # per octave, between the softest and the most pressed voice
_LIVELY = 1.3
_AIR, _AIR_S = 0.6, 0.1  # how breathy a phrase may end, and for how long
_RESTLESS = 24.0  # frames; the noise is smooth, a deviation of 3 remains
_LOUDNESS_DB = 14.0  # between loudness 0 and 1
_FADE_S = (0.05, 0.3)


def _level(
    notes: list[Note], times: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Loudness over time, from 0 to 1: notes, an arch over the phrase."""
    starts = [note.start_s - 0.04 for note in notes]
    index = np.maximum(np.searchsorted(starts, times, side="right") - 1, 0)
    steps = np.array([note.loudness for note in notes])[index]
    along = (times - times[0]) / (times[-1] - times[0])
    arch = rng.normal(0.1, 0.1) * np.sin(np.pi * along) - 0.08 * along**4
    swing = scipy.ndimage.gaussian_filter1d(rng.normal(0, 1, len(times)), 30) * 1.1
    smooth = scipy.ndimage.gaussian_filter1d(steps, 0.04 / _HOP_S)
    return np.asarray(np.clip(smooth + arch + swing, 0.0, 1.1))


def _fade(times: FloatArray, sung: FloatArray, fade_s: float) -> FloatArray:
    rise = np.clip((times - sung[0]) / 0.02, 0, 1)
    return np.asarray(rise * np.clip((sung[-1] - times) / fade_s, 0, 1) ** 1.3)


def sing(
    rng: np.random.Generator,
    print_: Voiceprint,
    notes: list[Note],
    character: Character,
    manner: pitch.Manner,
    *,
    spoken_pitch: float = 0.0,
) -> tuple[int, FloatArray]:
    """Sings a phrase.

    Args:
        rng: draws what no two performances share.
        print_: the spoken phrase.
        notes: what it is sung on.
        character: of the voice.
        manner: of its pitch.
        spoken_pitch: Hz around which the speech keeps its own melody; 0 sings the
            notes instead.

    Returns:
        The sample of the song where it begins (it may be negative), and `(samples,)`
        at `RATE`.
    """
    sung, spoken = warp(print_, syllable_times(notes))
    first = round(sung[0] / _HOP_S)
    times = (first + np.arange(int((sung[-1] - sung[0]) / _HOP_S) + 2)) * _HOP_S
    place = _restless(rng, np.interp(times, sung, spoken))
    if spoken_pitch:
        midi = _spoken(print_, place, spoken_pitch)
    else:
        midi = pitch.curve(rng, notes, times, manner)
    excitations, gains = _driven(rng, print_, place, midi, character)
    gains = _aired(gains, rng.uniform(0, _AIR) * np.exp((times - sung[-1]) / _AIR_S))
    level = _level(notes, times, rng)
    press = _EFFORT_DB * (0.6 * (level - 0.6) + character.effort - 0.5)
    fade = np.log(_fade(times, sung, rng.uniform(*_FADE_S)) + 1e-7)
    loud = (DB * _LOUDNESS_DB * (level - 0.6) + fade)[:, None].astype(np.float32)
    tilt = (DB * press)[:, None].astype(np.float32) * octaves()
    shaded = [
        gain * np.exp(loud + np.float32(share) * tilt)
        for gain, share in zip(gains, (1.0, _NOISE_PRESS), strict=True)
    ]
    out = vocoder.shape(excitations, shaded)
    return first * vocoder.HOP, _distorted(out, character.drive)


def _restless(rng: np.random.Generator, place: FloatArray) -> FloatArray:
    """Lets the mouth move a little while a vowel is held."""
    speed = np.gradient(place) * FRAME_S / _HOP_S
    held = scipy.ndimage.gaussian_filter1d((speed < 0.4).astype(float), 6.0) ** 2
    noise = scipy.ndimage.gaussian_filter1d(rng.normal(0, 1, len(place)), 18.0)
    return np.asarray(place + _RESTLESS * noise * held)


def _spoken(print_: Voiceprint, place: FloatArray, hz: float) -> FloatArray:
    """The melody of the speech, somewhat livelier, in MIDI numbers."""
    middle = np.median(print_.f0)
    octaves_away = np.log2(np.interp(place, *_frames(print_.f0)) / middle)
    return np.asarray(69 + 12 * (np.log2(hz / 440) + _LIVELY * octaves_away))


def _frames(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    return np.arange(len(values), dtype=np.float64), values


def _driven(
    rng: np.random.Generator,
    print_: Voiceprint,
    place: FloatArray,
    midi: FloatArray,
    character: Character,
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Pulses and noise, and the gain of each: `(samples,)` and `(frames, bins)`."""
    vowel = tract.in_vowel(print_)
    sounding = np.maximum(scipy.ndimage.gaussian_filter1d(print_.voiced, 1.0), vowel)
    rows = tract.scaled(print_.envelope, character) + character.colour
    rows += sounding[:, None].astype(np.float32) * tract.balanced(print_)
    rows += tract.evened(print_, character.evenness)[:, None].astype(np.float32)
    rows -= tract.too_sharp(rows, vowel)[:, None].astype(np.float32)
    weight = vowel[:, None].astype(np.float32)
    calm = np.minimum(print_.aperiodicity, tract.noise_in_vowels(character.breath))
    noisy = weight * calm + (1 - weight) * print_.aperiodicity
    voiced = np.interp(place, *_frames(sounding)) * character.pulse
    amount = 1 - (1 - tract.between(noisy, place)) * voiced[:, None].astype(np.float32)
    gain = np.exp(tract.tuned(tract.between(rows, place), midi))
    samples = np.arange(len(place) * vocoder.HOP) / vocoder.HOP
    f0 = 440 * 2 ** ((np.interp(samples, *_frames(midi)) - 69) / 12)
    rough = character.rough
    train = source.pulses(
        rng, f0, jitter=0.004 + 0.04 * rough**2, shimmer=0.03 + 0.3 * rough, rough=rough
    )
    noise = source.breath(rng, f0, np.interp(samples, *_frames(voiced)))
    periodic = gain * np.sqrt(np.maximum(1 - amount**2, 0))
    return [train, noise], [periodic, gain * amount]


def _aired(gains: list[FloatArray], share: FloatArray) -> list[FloatArray]:
    """Turns a share of the voice, `(frames,)`, into breath."""
    air = np.minimum(share, 1.0)[:, None].astype(np.float32)
    voice, noise = gains
    return [voice * np.sqrt(1 - air**2), np.sqrt(noise**2 + (air * voice) ** 2)]


def _distorted(sound: FloatArray, drive: float) -> FloatArray:
    if drive <= 0:
        return sound
    strong = np.sqrt(np.mean(sound**2)) + 1e-9
    bent: FloatArray = np.tanh(sound / strong * np.float32(drive)) * strong
    return bent


def inhale(
    rng: np.random.Generator, print_: Voiceprint, character: Character
) -> FloatArray:
    """A breath, `(samples,)`, as loud beside the voice as breaths are."""
    n = int(rng.uniform(0.18, 0.45) / _HOP_S)
    rows = tract.scaled(print_.envelope, character)
    vowels = tract.in_vowel(print_) > 0.5
    mean = rows[vowels].mean(axis=0)
    row = 0.45 * (mean - mean[20:200].mean()) + 0.3 * character.colour
    row = row - DB * 5 * np.maximum(np.log2(900 / np.maximum(BINS_HZ, 60)), 0)
    along = np.arange(n) / n
    swell = along ** rng.uniform(0.5, 1.5) * np.clip((1 - along) / 0.2, 0, 1)
    level = 10 ** (rng.uniform(-40, -26) / 20)
    gain = np.exp(row)[None, :] * (level * swell)[:, None]
    noise = rng.standard_normal(n * vocoder.HOP, dtype=np.float32)
    return vocoder.shape([noise], [gain.astype(np.float32)])
