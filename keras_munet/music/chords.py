"""The stem of other instruments: chords, and an arpeggio or riff beside them."""

from collections.abc import Callable

import numpy as np

from keras_munet.music import tones
from keras_munet.music.song import Song
from keras_munet.music.tones import RATE, Signal

Instrument = Callable[[float, int], Signal]

# Chord rhythms: (sixteenth, length in sixteenths).
_RHYTHMS = (
    ((0, 16),),
    ((0, 8), (8, 8)),
    ((0, 3), (3, 3), (6, 2), (8, 3), (11, 3), (14, 2)),
    ((2, 2), (6, 2), (10, 2), (14, 2)),
    ((0, 4), (4, 4), (8, 4), (12, 4)),
    ((0, 6), (6, 10)),
)


def _pad(rng: np.random.Generator) -> Instrument:
    """Three detuned saws that swell."""
    tilt, attack = rng.uniform(1.2, 2.0), rng.uniform(0.05, 0.3)
    detune = rng.uniform(0.002, 0.007)

    def play(frequency_hz: float, n: int) -> Signal:
        table = tones.saw(min(64, tones.harmonic_limit(frequency_hz)), tilt)
        sound = np.zeros(n, np.float32)
        for k in (-1, 0, 1):
            phase = tones.phases(frequency_hz * (1 + k * detune), n)
            sound += tones.read_table(table, phase + 0.3 * k + 1)
        return sound * tones.gate(n, attack, 0.15) * np.float32(0.4)

    return play


def _organ(rng: np.random.Generator) -> Instrument:
    """Drawbars, with a rotating speaker."""
    bars = np.zeros(16)
    bars[[0, 1, 2, 3, 5, 7, 15]] = rng.uniform(0, 1, 7)
    bars[0] = 1.0
    table, speed = tones.table_from_harmonics(bars), rng.uniform(0.8, 6.5)

    def play(frequency_hz: float, n: int) -> Signal:
        t = np.arange(n) / RATE
        wobble = np.sin(2 * np.pi * speed * t)
        phase = tones.phases(frequency_hz, n) + 0.02 * wobble + 1
        gain = (1 + 0.15 * wobble).astype(np.float32)
        return tones.read_table(table, phase) * gain * tones.gate(n, 0.01, 0.03)

    return play


def _pluck(rng: np.random.Generator) -> Instrument:
    """A string: bright at the attack, dark while it dies away."""
    tilt, decay_s = rng.uniform(0.6, 1.2), rng.uniform(0.25, 0.9)
    odd = bool(rng.random() < 0.3)

    def play(frequency_hz: float, n: int) -> Signal:
        limit = min(64, tones.harmonic_limit(frequency_hz))
        phase = tones.phases(frequency_hz, n)
        high = tones.read_table(tones.saw(limit, tilt, odd), phase)
        low = tones.read_table(tones.saw(min(limit, 8), tilt + 1.2), phase)
        sound = low + tones.decay(n, 0.2 * decay_s, 0.001) * (high - low)
        return sound * tones.decay(n, decay_s) * tones.gate(n, 0.002, 0.03)

    return play


def _keys(rng: np.random.Generator) -> Instrument:
    """An electric piano: two-operator frequency modulation."""
    ratio = float(rng.choice([1.0, 2.0, 3.0, 14.0]))
    depth, decay_s = rng.uniform(0.08, 0.35) / ratio**0.3, rng.uniform(0.5, 1.5)
    sine = tones.saw(1)

    def play(frequency_hz: float, n: int) -> Signal:
        phase = tones.phases(frequency_hz, n)
        modulator = tones.read_table(sine, phase * ratio)
        modulator = modulator * tones.decay(n, 0.4 * decay_s) * np.float32(depth)
        sound = tones.read_table(sine, phase + modulator + 1)
        return sound * tones.decay(n, decay_s, 0.003) * tones.gate(n, 0.003, 0.05)

    return play


_INSTRUMENTS = (_pad, _organ, _pluck, _keys)


def _instrument(rng: np.random.Generator) -> Instrument:
    return _INSTRUMENTS[rng.integers(len(_INSTRUMENTS))](rng)


def _voicing(song: Song, bar: int, n_notes: int, low: int) -> list[int]:
    """The bar's chord, folded into the octave above `low`."""
    return [low + (note - low) % 12 for note in song.chord(bar, n_notes)]


def _play_chords(rng: np.random.Generator, song: Song, bars: list[int]) -> Signal:
    line = np.zeros(song.n_samples, np.float32)
    play, n_notes = _instrument(rng), int(rng.integers(3, 5))
    rhythm = _RHYTHMS[rng.integers(len(_RHYTHMS))]
    strum_s, low = float(rng.choice([0.0, 0.008, 0.02])), int(rng.integers(52, 60))
    for bar in bars:
        for step, length in rhythm:
            n = int(length * song.beat_s / 4 * RATE)
            loudness = np.float32(rng.uniform(0.8, 1.0))
            for k, note in enumerate(_voicing(song, bar, n_notes, low)):
                start = round((song.step_s(bar, step) + k * strum_s) * RATE)
                tones.add(line, start, play(tones.hertz(note), n) * loudness)
    return line


def _play_arpeggio(rng: np.random.Generator, song: Song, bars: list[int]) -> Signal:
    line = np.zeros(song.n_samples, np.float32)
    play, every = _instrument(rng), int(rng.choice([1, 2, 2, 4]))
    order, rest = rng.permutation(8) % 6, rng.uniform(0.0, 0.35)
    low, length = int(rng.integers(60, 70)), float(rng.choice([1.0, 1.5, 2.5]))
    n = int(every * length * song.beat_s / 4 * RATE)
    for bar in bars:
        notes = _voicing(song, bar, 3, low)
        notes = sorted(notes) + [note + 12 for note in sorted(notes)]
        for k, step in enumerate(range(0, 16, every)):
            if rng.random() < rest:
                continue
            sound = play(tones.hertz(notes[order[k % 8]]), n)
            start = round(song.step_s(bar, step) * RATE)
            tones.add(line, start, sound * np.float32(rng.uniform(0.6, 1.0)))
    return line


def render(rng: np.random.Generator, song: Song) -> Signal:
    """Plays the other instruments of a song, `(n_samples, 2)`."""
    bars = np.flatnonzero(song.playing["other"]).tolist()
    chords = tones.pan(_play_chords(rng, song, bars), rng.uniform(-0.6, 0.6))
    some = [bar for bar in bars if (bar // 4) % 2 == 1 or rng.random() < 0.5]
    arpeggio = tones.pan(_play_arpeggio(rng, song, some), rng.uniform(-0.8, 0.8))
    stereo = chords + arpeggio * np.float32(rng.uniform(0.4, 1.2))
    stereo = tones.band(stereo, rng.uniform(80, 250), rng.uniform(6000, 15000), axis=0)
    wet = rng.uniform(0.05, 0.35)
    return tones.room(rng, stereo, decay_s=rng.uniform(0.4, 1.6), wet=wet)
