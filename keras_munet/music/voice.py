"""The vocal stem: a sung melody from a glottal source, formants and consonants."""

from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.signal

from keras_munet.dsp import ComplexArray
from keras_munet.music import tones
from keras_munet.music.song import Song
from keras_munet.music.tones import RATE, TABLE_SIZE, Signal

# Formants in Hz of the vowels a, e, i, o, u (Peterson & Barney 1952, men).
_FORMANTS = (
    (730, 1090, 2440, 3400),
    (530, 1840, 2480, 3500),
    (270, 2290, 3010, 3600),
    (570, 840, 2410, 3300),
    (300, 870, 2240, 3200),
)
_BANDWIDTHS = (80, 100, 140, 200)
_FORMANT_GAINS = (1.0, 0.6, 0.35, 0.25)
# Noise bands in Hz and lengths in seconds of s, sh, f, and a burst like t or k.
_CONSONANTS = (
    (4500, 11000, 0.10),
    (2000, 7000, 0.09),
    (1200, 12000, 0.06),
    (800, 5000, 0.025),
)


@dataclass(frozen=True)
class _Syllable:
    start_s: float
    stop_s: float
    pitch: int
    vowel: int
    consonant: int | None
    loudness: float


def _melody(rng: np.random.Generator, song: Song, low: int) -> list[_Syllable]:
    """Draws phrases of two bars: a walk on the scale, then a rest."""
    syllables: list[_Syllable] = []
    degree = int(rng.integers(0, 7))
    base = low - song.tonic
    for bar in np.flatnonzero(song.playing["vocals"]).tolist():
        step, last = int(rng.choice([0, 0, 2])), 16
        if bar % 2 == 1:  # the end of a phrase: breathe
            last = int(rng.integers(6, 13))
        while step < last:
            length = min(int(rng.choice([2, 2, 3, 4, 4, 6])), last - step)
            degree = int(np.clip(degree + rng.choice([-2, -1, 0, 1, 2]), -1, 9))
            if step % 8 == 0:  # strong beats sit on chord tones
                degree = song.degrees[bar] % 7 + 2 * int(rng.integers(0, 3))
                degree = degree % 7 if degree > 9 else degree
            spoken = rng.random() < 0.75
            syllables.append(
                _Syllable(
                    start_s=song.step_s(bar, step),
                    stop_s=song.step_s(bar, step + length),
                    pitch=song.pitch(degree) + 12 * round(base / 12),
                    vowel=int(rng.integers(5)),
                    consonant=int(rng.integers(4)) if spoken else None,
                    loudness=float(rng.uniform(0.7, 1.0)),
                )
            )
            step += length
    return syllables


def _pitch_curve(
    rng: np.random.Generator, syllables: list[_Syllable], n_samples: int
) -> Signal:
    """MIDI numbers with glides, vibrato that sets in late, and drift."""
    starts = [round(s.start_s * RATE) for s in syllables]
    bounds = np.clip([*starts, n_samples], 0, n_samples)
    bounds[0] = 0
    midi = np.repeat([float(s.pitch) for s in syllables], np.diff(bounds))
    glide = np.exp(-1 / (rng.uniform(0.015, 0.035) * RATE))
    for _ in range(2):
        state = [midi[0] * glide]
        midi, _rest = scipy.signal.lfilter([1 - glide], [1, -glide], midi, zi=state)
    times, depths = [0.0], [0.0]
    for s in syllables:
        held = s.stop_s - s.start_s
        times += [s.start_s, s.start_s + 0.25 * held, s.stop_s - 0.01]
        depths += [0.0, 0.0, min(1.0, held / 0.6)]
    depth = tones.curve(times, depths, n_samples) * rng.uniform(0.2, 0.6)
    rate_hz = rng.uniform(4.8, 6.5) + 0.3 * tones.slow_noise(rng, n_samples, 3)
    vibrato = depth * np.sin(2 * np.pi * tones.phases(rate_hz, n_samples))
    drift = 0.08 * tones.slow_noise(rng, n_samples, 6)
    curve: Signal = (midi + vibrato + drift).astype(np.float32)
    return curve


def _glottal_table(rng: np.random.Generator, n_harmonics: int) -> Signal:
    """One period of the derivative of Rosenberg's glottal pulse."""
    opening, closing = rng.uniform(0.35, 0.5), rng.uniform(0.1, 0.2)
    t = np.arange(TABLE_SIZE) / TABLE_SIZE
    rise = 0.5 * (1 - np.cos(np.pi * t / opening))
    fall = np.cos(np.pi / 2 * (t - opening) / closing)
    flow = np.where(t < opening, rise, np.where(t < opening + closing, fall, 0.0))
    return tones.limited(np.gradient(flow).astype(np.float32), n_harmonics)


def _loudness(syllables: list[_Syllable], n_samples: int) -> Signal:
    """The envelope: swells, holds, and closes for consonants and rests."""
    times, values = [0.0], [0.0]
    for s, after in zip(syllables, [*syllables[1:], None], strict=True):
        legato = after is not None and after.start_s - s.stop_s < 0.02
        closed = 0.5 if legato and after is not None and after.consonant is None else 0
        attack = min(0.05, 0.3 * (s.stop_s - s.start_s))
        times += [s.start_s, s.start_s + attack, s.stop_s - attack, s.stop_s]
        values += [values[-1], s.loudness, 0.85 * s.loudness, closed * s.loudness]
    return tones.curve(times, values, n_samples)


def _vowel_response(vowel: int, size: float, n_fft: int) -> ComplexArray:
    """Frequency response of a vowel's parallel formants, `(n_fft // 2 + 1,)`."""
    s = 2j * np.pi * np.fft.rfftfreq(n_fft, 1 / RATE).astype(np.float32)
    response = np.zeros(len(s), np.complex64)
    shapes = zip(_FORMANTS[vowel], _BANDWIDTHS, _FORMANT_GAINS, strict=True)
    for centre, width, gain in shapes:
        w, b = 2 * np.pi * centre * size, 2 * np.pi * width * size
        response += gain * (b * s) / (s * s + b * s + w * w)
    return response


def _through_vowels(source: Signal, syllables: list[_Syllable], size: float) -> Signal:
    """Filters the source with each vowel and fades from one to the next."""
    n_fft = scipy.fft.next_fast_len(len(source) + 4096, real=True)
    spectrum = scipy.fft.rfft(source, n_fft)
    result = np.zeros(len(source), np.float32)
    for vowel in range(5):
        times, weights = [0.0], [float(syllables[0].vowel == vowel)]
        for s in syllables:
            times += [s.start_s, s.start_s + 0.05]
            weights += [weights[-1], float(s.vowel == vowel)]
        response = _vowel_response(vowel, size, n_fft)
        voiced = scipy.fft.irfft(spectrum * response, n_fft)[: len(source)]
        result += tones.curve(times, weights, len(source)) * voiced
    return result


def _consonants(
    rng: np.random.Generator, syllables: list[_Syllable], n_samples: int
) -> Signal:
    line = np.zeros(n_samples, np.float32)
    hiss = tones.noise(rng, RATE)
    sounds = [tones.band(hiss, low, high) for low, high, _ in _CONSONANTS]
    for s in syllables:
        if s.consonant is None:
            continue
        n = int(_CONSONANTS[s.consonant][2] * rng.uniform(0.8, 1.3) * RATE)
        begin = int(rng.integers(0, RATE - n))
        sound = sounds[s.consonant][begin : begin + n] * tones.gate(n, 0.006, 0.03)
        start = max(0, round(s.start_s * RATE) - n // 2)
        tones.add(line, start, sound * np.float32(s.loudness))
    return line


def render(rng: np.random.Generator, song: Song) -> Signal:
    """Sings the melody of a song, `(n_samples, 2)`."""
    low, size = (52, 1.0) if rng.random() < 0.5 else (62, 1.17)
    syllables = _melody(rng, song, low + int(rng.integers(-3, 4)))
    n = song.n_samples
    midi = _pitch_curve(rng, syllables, n)
    frequency = 440.0 * 2.0 ** ((midi - 69.0) / 12.0)
    limit = tones.harmonic_limit(float(frequency.max()))
    source = tones.read_table(_glottal_table(rng, limit), tones.phases(frequency, n))
    source += np.float32(rng.uniform(0.01, 0.05)) * tones.noise(rng, n)
    source *= _loudness(syllables, n)
    voice = _through_vowels(source, syllables, size * rng.uniform(0.94, 1.06))
    voice /= np.sqrt(np.mean(voice**2)) + 1e-9
    voice += np.float32(rng.uniform(0.25, 0.6)) * _consonants(rng, syllables, n)
    voice = np.tanh(0.4 * tones.band(voice, 90.0, RATE / 2))
    stereo = tones.pan(voice, rng.uniform(-0.15, 0.15))
    wet = rng.uniform(0.05, 0.3)
    return tones.room(rng, stereo, decay_s=rng.uniform(0.5, 1.8), wet=wet)
