"""A subtractive synthesiser: bright waves through a resonant low-pass that moves.

A note's wave is read from a row of tables, one for each cutoff; moving along the row
is the filter's sweep, and nothing can alias.
"""

import functools
from dataclasses import dataclass

import numpy as np
import scipy.fft

from keras_munet.dsp import FloatArray
from keras_munet.music import tones
from keras_munet.studio.band.notes import Note
from keras_munet.studio.score import RATE

_SIZE = 2048
_N_CUTOFFS = 14
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 16000.0
_SHAPES = ("saw", "square", "pulse", "triangle")


@functools.lru_cache(maxsize=512)
def _tables(shape: str, midi: int, resonance: float) -> FloatArray:
    """Returns one period for each cutoff, `(_N_CUTOFFS, _SIZE)`."""
    frequency_hz = tones.hertz(midi)
    k = np.arange(1, min(_SIZE // 4, int(17000 / frequency_hz)) + 1)
    amplitude = 1.0 / k
    if shape == "square":
        amplitude = np.where(k % 2 == 1, amplitude, 0.0)
    elif shape == "pulse":
        amplitude = amplitude * np.sin(np.pi * 0.25 * k)
    elif shape == "triangle":
        amplitude = np.where(k % 2 == 1, 1.0 / k**2, 0.0)
    cutoffs = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _N_CUTOFFS)
    ratio = k * frequency_hz / cutoffs[:, None]
    q = 0.7 + 6 * resonance
    gain = 1 / np.sqrt((1 - ratio**2) ** 2 + (ratio / q) ** 2)  # two poles
    gain /= np.sqrt(1 + ratio**4)  # and two more
    spectrum = np.zeros((_N_CUTOFFS, _SIZE // 2 + 1), complex)
    spectrum[:, 1 : len(k) + 1] = -1j * amplitude * gain * _SIZE / 3
    tables: FloatArray = scipy.fft.irfft(spectrum, axis=1).astype(np.float32)
    return tables


@dataclass(frozen=True)
class Synth:
    """The knobs.

    Attributes:
        shape: `saw`, `square`, `pulse` or `triangle`.
        n_voices: oscillators, apart by `detune` (a share of the frequency).
        detune: see above.
        cutoff_hz: of the filter at rest.
        sweep: octaves by which each note opens the filter.
        sweep_s: how fast it closes again.
        resonance: from 0 to 1.
        sub: level of a sine an octave below.
        attack_s: rise of a note.
        decay_s: fall of a note to `sustain`.
        sustain: level of a held note.
        release_s: fall after a note.
        glide_s: time from the pitch of the note before; 0 for none.
        vibrato: depth in semitones.
        wobble_hz: speed of a slow filter wobble; 0 for none.
    """

    shape: str
    n_voices: int
    detune: float
    cutoff_hz: float
    sweep: float
    sweep_s: float
    resonance: float
    sub: float
    attack_s: float
    decay_s: float
    sustain: float
    release_s: float
    glide_s: float
    vibrato: float
    wobble_hz: float = 0.0

    def _pitch(self, note: Note, before: Note | None, t: FloatArray) -> FloatArray:
        """Frequency of a note over time, with its glide and vibrato."""
        bend = np.zeros_like(t)
        if before is not None and self.glide_s:
            bend += (before.pitch - note.pitch) * np.exp(-t / self.glide_s)
        if self.vibrato:
            late = np.clip((t - 0.15) / 0.3, 0, 1)
            bend += self.vibrato * late * np.sin(2 * np.pi * 5.6 * t)
        frequency: FloatArray = tones.hertz(note.pitch) * 2 ** (bend / 12)
        return frequency

    def _level(self, note: Note, t: FloatArray) -> FloatArray:
        rise = np.minimum(1.0, t / self.attack_s + 0.02)
        fall = self.sustain + (1 - self.sustain) * np.exp(-t / self.decay_s)
        left = np.clip((note.length_s + self.release_s - t) / self.release_s, 0, 1)
        level: FloatArray = rise * fall * left**2 * note.loudness
        return level

    def note(self, note: Note, before: Note | None = None) -> FloatArray:
        """Plays a note, `(n,)` mono; `before` is where it glides from."""
        n = int((note.length_s + self.release_s) * RATE)
        t = np.arange(n, dtype=np.float32) / RATE
        octaves = self.sweep * note.loudness * np.exp(-t / self.sweep_s)
        if self.wobble_hz:
            octaves += 1.2 * np.sin(2 * np.pi * self.wobble_hz * (t + note.start_s))
        span = np.log2(_HIGHEST_HZ / _LOWEST_HZ) / (_N_CUTOFFS - 1)
        place = (np.log2(self.cutoff_hz / _LOWEST_HZ) + octaves) / span
        place = np.clip(place, 0, _N_CUTOFFS - 1.001)
        row = place.astype(np.int32)
        part = (place - row).astype(np.float32)
        tables = _tables(self.shape, note.pitch, self.resonance).ravel()
        phase = np.cumsum(self._pitch(note, before, t), dtype=np.float64) / RATE
        wave = np.zeros(n, np.float32)
        for voice in range(self.n_voices):
            off = (voice - (self.n_voices - 1) / 2) * self.detune
            turn = (phase * (1 + off) + 0.37 * voice) * _SIZE
            index = (turn.astype(np.int64) & (_SIZE - 1)) + row * _SIZE
            low = tables[index]
            wave += low + part * (tables[index + _SIZE] - low)
        wave /= np.float32(np.sqrt(self.n_voices))
        if self.sub:
            wave += np.float32(self.sub) * np.sin(np.pi * phase).astype(np.float32)
        return wave * self._level(note, t).astype(np.float32)

    def play(self, notes: list[Note], n_samples: int) -> FloatArray:
        """Plays notes, `(n_samples,)` mono."""
        line = np.zeros(n_samples, np.float32)
        before: Note | None = None
        for note in notes:
            sound = self.note(note, before if self.glide_s else None)
            tones.add(line, round(note.start_s * RATE), sound)
            before = note
        return line


def stereo(line: FloatArray) -> FloatArray:
    """Both sides alike, `(n, 2)`."""
    return np.repeat(line[:, None], 2, axis=1)


def draw_bass(rng: np.random.Generator) -> Synth:
    """Draws a bass: dark, with a sub octave or a sweep."""
    return Synth(
        shape=str(rng.choice(_SHAPES)),
        n_voices=int(rng.choice([1, 1, 2])),
        detune=float(rng.uniform(0.001, 0.006)),
        cutoff_hz=float(np.exp(rng.uniform(np.log(90), np.log(450)))),
        sweep=float(rng.choice([0.0, rng.uniform(0.5, 3.5)])),
        sweep_s=float(rng.uniform(0.05, 0.3)),
        resonance=float(rng.choice([0.0, 0.1, rng.uniform(0.1, 0.8)])),
        sub=float(rng.choice([0.0, rng.uniform(0.2, 0.6)])),
        attack_s=float(rng.uniform(0.002, 0.01)),
        decay_s=float(rng.uniform(0.2, 1.5)),
        sustain=float(rng.uniform(0.2, 1.0)),
        release_s=float(rng.uniform(0.02, 0.08)),
        glide_s=float(rng.choice([0.0, 0.0, 0.03, 0.06])),
        vibrato=0.0,
        wobble_hz=float(rng.choice([0.0, 0.0, 0.0, rng.uniform(1, 6)])),
    )


def draw_lead(rng: np.random.Generator) -> Synth:
    """Draws a lead that sings: glides, vibrato, one to five oscillators."""
    return Synth(
        shape=str(rng.choice(_SHAPES)),
        n_voices=int(rng.choice([1, 2, 3, 5])),
        detune=float(rng.uniform(0.002, 0.008)),
        cutoff_hz=float(np.exp(rng.uniform(np.log(700), np.log(6000)))),
        sweep=float(rng.uniform(0.0, 3.0)),
        sweep_s=float(rng.uniform(0.1, 0.8)),
        resonance=float(rng.choice([0.0, 0.1, rng.uniform(0.1, 0.7)])),
        sub=0.0,
        attack_s=float(rng.choice([0.004, 0.02, 0.08])),
        decay_s=float(rng.uniform(0.3, 2.0)),
        sustain=float(rng.uniform(0.4, 1.0)),
        release_s=float(rng.uniform(0.05, 0.3)),
        glide_s=float(rng.choice([0.0, 0.02, 0.05, 0.1])),
        vibrato=float(rng.choice([0.0, rng.uniform(0.1, 0.5)])),
    )


def draw_pluck(rng: np.random.Generator) -> Synth:
    """Draws a short or a soft sound for arpeggios and chords."""
    soft = rng.random() < 0.4
    return Synth(
        shape=str(rng.choice(_SHAPES)),
        n_voices=int(rng.choice([1, 2, 3])),
        detune=float(rng.uniform(0.002, 0.009)),
        cutoff_hz=float(np.exp(rng.uniform(np.log(300), np.log(2500)))),
        sweep=float(rng.uniform(0.5, 3.5)),
        sweep_s=float(rng.uniform(0.05, 0.4)),
        resonance=float(rng.uniform(0.0, 0.6)),
        sub=0.0,
        attack_s=float(rng.uniform(0.1, 0.5) if soft else rng.uniform(0.002, 0.01)),
        decay_s=float(rng.uniform(0.8, 2.0) if soft else rng.uniform(0.1, 0.5)),
        sustain=float(rng.uniform(0.5, 1.0) if soft else rng.uniform(0.0, 0.4)),
        release_s=float(rng.uniform(0.1, 0.4)),
        glide_s=0.0,
        vibrato=0.0,
    )
