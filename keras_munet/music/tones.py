"""The building blocks of generated sound: wave tables, envelopes, filters, rooms.

Everything here is mono float32 `(samples,)` at 44.1 kHz unless it says otherwise.
"""

import functools

import numpy as np
import scipy.fft
import scipy.signal

from keras_munet.dsp import ComplexArray, FloatArray

Signal = FloatArray

RATE = 44100
"""Sample rate of all generated audio, in Hz."""

TABLE_SIZE = 8192
_TOP_HZ = 16000.0


def hertz(midi: float) -> float:
    """Returns the frequency of a MIDI note number (69 is 440 Hz)."""
    return float(440.0 * 2.0 ** ((midi - 69.0) / 12.0))


def harmonic_limit(frequency_hz: float) -> int:
    """Returns how many harmonics of a tone stay below 16 kHz, as a power of two."""
    count = max(1.0, _TOP_HZ / frequency_hz)
    return int(2 ** np.floor(np.log2(count)))


def _one_period(spectrum: ComplexArray) -> Signal:
    wave = scipy.fft.irfft(spectrum)
    table: Signal = (wave / np.abs(wave).max()).astype(np.float32)
    return table


def table_from_harmonics(amplitudes: Signal) -> Signal:
    """Returns one period of a sum of sines with peak 1, `(TABLE_SIZE,)`."""
    spectrum = np.zeros(TABLE_SIZE // 2 + 1, complex)
    spectrum[1 : len(amplitudes) + 1] = -1j * np.asarray(amplitudes)
    return _one_period(spectrum)


@functools.cache
def saw(n_harmonics: int, tilt: float = 1.0, odd: bool = False) -> Signal:
    """Returns a table with harmonics `k**-tilt`; `odd` leaves out the even ones."""
    k = np.arange(1, n_harmonics + 1, dtype=float)
    amplitudes = k**-tilt
    if odd:
        amplitudes[1::2] = 0.0
    return table_from_harmonics(amplitudes)


def limited(table: Signal, n_harmonics: int) -> Signal:
    """Returns a table without the harmonics above `n_harmonics`, peak 1."""
    spectrum = scipy.fft.rfft(table.astype(np.float64))
    spectrum[n_harmonics + 1 :] = 0.0
    return _one_period(spectrum)


def phases(frequency_hz: float | Signal, n_samples: int) -> Signal:
    """Returns the running phase of a tone in periods, `(n_samples,)`."""
    if isinstance(frequency_hz, float):
        return np.arange(n_samples) * (frequency_hz / RATE)
    return np.cumsum(frequency_hz, dtype=np.float64) / RATE


def read_table(table: Signal, phase: Signal) -> Signal:
    """Reads a wave table at phases in periods; same shape as `phase`."""
    index = (phase * TABLE_SIZE).astype(np.int64) & (TABLE_SIZE - 1)
    read: Signal = table[index]
    return read


def decay(n_samples: int, time_s: float, attack_s: float = 0.002) -> Signal:
    """Returns an exponential decay (to 1/e in `time_s`) after a linear attack."""
    t = np.arange(n_samples, dtype=np.float32) / RATE
    fall: Signal = np.exp(-t / time_s)
    return fall * np.minimum(1.0, (t + 1e-5) / attack_s)


def gate(n_samples: int, attack_s: float, release_s: float) -> Signal:
    """Returns a note that swells, holds at 1 and dies away within `n_samples`."""
    t = np.arange(n_samples, dtype=np.float32) / RATE
    rise = np.minimum(1.0, (t + 1e-5) / attack_s)
    fall = np.clip((n_samples / RATE - t) / release_s, 0.0, 1.0)
    return (rise * fall).astype(np.float32)


def curve(times_s: list[float], values: list[float], n_samples: int) -> Signal:
    """Returns straight lines through (time, value) points, `(n_samples,)`."""
    t = np.arange(n_samples) / RATE
    return np.interp(t, times_s, values).astype(np.float32)


def band(
    signal: Signal, low_hz: float, high_hz: float, *, order: int = 2, axis: int = -1
) -> Signal:
    """Returns what lies between two frequencies; 0 and Nyquist leave a side open."""
    high_open = high_hz >= RATE / 2
    if low_hz <= 0 and high_open:
        return signal
    if low_hz <= 0:
        sos = scipy.signal.butter(order, high_hz, "lowpass", fs=RATE, output="sos")
    elif high_open:
        sos = scipy.signal.butter(order, low_hz, "highpass", fs=RATE, output="sos")
    else:
        edges = (low_hz, high_hz)
        sos = scipy.signal.butter(order, edges, "bandpass", fs=RATE, output="sos")
    kept: Signal = scipy.signal.sosfilt(sos.astype(np.float32), signal, axis=axis)
    return kept


def noise(rng: np.random.Generator, n_samples: int) -> Signal:
    """Returns white noise with standard deviation 1."""
    return rng.standard_normal(n_samples, dtype=np.float32)


def slow_noise(rng: np.random.Generator, n_samples: int, rate_hz: float) -> Signal:
    """Returns noise that wanders: `rate_hz` random points a second, joined."""
    n_points = max(2, int(n_samples / RATE * rate_hz) + 2)
    points = rng.standard_normal(n_points)
    places = np.linspace(0, n_samples, n_points)
    return np.interp(np.arange(n_samples), places, points).astype(np.float32)


def add(buffer: Signal, start: int, signal: Signal) -> None:
    """Adds `signal` to `buffer` from sample `start`; what sticks out is cut off."""
    stop = min(len(buffer), start + len(signal))
    if start < stop:
        buffer[start:stop] += signal[: stop - start]


def pan(signal: Signal, position: float) -> Signal:
    """Places a mono signal in stereo, constant power.

    Args:
        signal: `(samples,)`.
        position: -1 is left, 1 is right.

    Returns:
        `(samples, 2)`.
    """
    angle = (position + 1) * np.pi / 4
    gains = np.array([np.cos(angle), np.sin(angle)], np.float32)
    return signal[:, None] * gains


def room(
    rng: np.random.Generator, stereo: Signal, *, decay_s: float, wet: float
) -> Signal:
    """Adds the sound of a room that dies away by 60 dB in `decay_s`.

    Args:
        rng: draws the room.
        stereo: `(samples, 2)`.
        decay_s: reverberation time.
        wet: level of the room beside the direct sound.

    Returns:
        `(samples, 2)`.
    """
    n = int(decay_s * RATE)
    t = np.arange(n, dtype=np.float32)[:, None] / RATE
    response = rng.standard_normal((n, 2), dtype=np.float32)
    response *= np.exp(-6.9 * t / decay_s)
    response = band(response, 200.0, rng.uniform(3000.0, 8000.0), axis=0)
    response /= np.sqrt((response**2).sum(axis=0)) + 1e-9
    reverberant = scipy.signal.oaconvolve(stereo, response, axes=0)[: len(stereo)]
    heard: Signal = (stereo + wet * reverberant).astype(np.float32)
    return heard
