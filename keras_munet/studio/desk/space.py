"""Reverberation and echo: impulse responses drawn for a song, and tempo delays."""

from dataclasses import dataclass

import numpy as np
import pedalboard
import scipy.fft

from keras_munet.dsp import FloatArray
from keras_munet.studio.desk import stereo
from keras_munet.studio.desk.plugins import run
from keras_munet.studio.score import RATE

_LN_60_DB = 6.9  # a reverberation time is that of a decay by 60 dB
_DELAYS = {  # echo times in quarter notes
    "eighth": 0.5,
    "dotted eighth": 0.75,
    "quarter": 1.0,
    "half": 2.0,
    "triplet": 2 / 3,
}


def _early(rng: np.random.Generator, n: int, spread_s: float) -> FloatArray:
    """A dozen single reflections in each channel, `(n, 2)`."""
    response = np.zeros((n, 2), np.float32)
    for channel in range(2):
        times = rng.uniform(0.002, spread_s, 12)
        places = np.minimum((times * RATE).astype(int), n - 1)
        signs = rng.choice([-1.0, 1.0], 12)
        response[places, channel] += signs * (1 - 0.7 * times / spread_s)
    return response


def response(
    rng: np.random.Generator, decay_s: float, *, gated: bool = False
) -> FloatArray:
    """Draws a room, plate or hall.

    Noise in which the treble dies away sooner than the bass, with early reflections
    in front; or, gated, noise of even level that stops at once.

    Args:
        rng: draws it.
        decay_s: reverberation time.
        gated: whether it is cut off.

    Returns:
        `(samples, 2)` with energy 1 in each channel.
    """
    n = max(256, int((0.35 if gated else decay_s) * RATE))
    t = np.arange(n, dtype=np.float32)[:, None] / RATE
    tail = rng.standard_normal((n, 2), dtype=np.float32)
    if gated:
        tail *= np.float32(1) - np.float32(0.5) * t / np.float32(0.35)
    else:
        dark = run([pedalboard.LowpassFilter(float(rng.uniform(900, 3500)))], tail)
        bright = tail - dark
        ratio = float(rng.uniform(0.3, 0.9))
        tail = dark * np.exp(-_LN_60_DB * t / np.float32(decay_s))
        tail += bright * np.exp(-_LN_60_DB * t / np.float32(ratio * decay_s))
        tail *= np.minimum(1, t / np.float32(rng.uniform(0.001, 0.02)))
    tail /= np.sqrt((tail**2).sum(axis=0)) + 1e-9
    tail += np.float32(rng.uniform(0.0, 0.25)) * _early(rng, n, rng.uniform(0.01, 0.05))
    low, high = float(rng.uniform(80, 400)), float(rng.uniform(4000, 12000))
    shaped = run([pedalboard.HighpassFilter(low), pedalboard.LowpassFilter(high)], tail)
    whole: FloatArray = shaped / (np.sqrt((shaped**2).sum(axis=0)) + 1e-9)
    return whole


def convolved(send: FloatArray, room: FloatArray, delay: int = 0) -> FloatArray:
    """Plays a mono sound into a room, block by block.

    Args:
        send: `(samples,)`.
        room: `(length, 2)`.
        delay: samples before the room answers.

    Returns:
        `(samples, 2)`; the tail after the end of the song is lost.
    """
    n_fft = 1 << max(16, int(np.ceil(np.log2(2 * len(room)))))
    hop = n_fft - len(room) + 1
    spectrum = scipy.fft.rfft(room.T, n_fft)  # (2, bins)
    heard = np.zeros((2, len(send)), np.float32)
    for start in range(0, len(send) - delay, hop):
        block = send[start : start + hop]
        if not block.any():
            continue
        wet = scipy.fft.irfft(scipy.fft.rfft(block, n_fft) * spectrum, n_fft)
        begin = start + delay
        stop = min(len(send), begin + len(block) + len(room) - 1)
        heard[:, begin:stop] += wet[:, : stop - begin]
    return heard.T


@dataclass(frozen=True)
class Echo:
    """A tempo delay.

    Attributes:
        time_s: between two echoes.
        feedback: gain from an echo to the next.
        top_hz: treble of the echoes.
        ping_pong: whether they change sides.
    """

    time_s: float
    feedback: float
    top_hz: float
    ping_pong: bool

    def __call__(self, send: FloatArray) -> FloatArray:
        """Returns the echoes of `(samples,)` alone, `(samples, 2)`."""
        period = 2 if self.ping_pong else 1
        effects = [
            pedalboard.HighpassFilter(200.0),
            pedalboard.LowpassFilter(self.top_hz),
            pedalboard.Delay(
                period * self.time_s, feedback=self.feedback**period, mix=1.0
            ),
        ]
        first = run(effects, send)
        if not self.ping_pong:
            return stereo.pair(first, first)
        # A delay of two periods gives the echoes of one side; shifted, the other's.
        shift = round(self.time_s * RATE)
        wide = stereo.silence(len(send))
        wide[: len(send) - shift, 0] = first[shift:]
        wide[:, 1] = first * np.float32(self.feedback)
        return wide


def draw_echo(rng: np.random.Generator, beat_s: float) -> Echo:
    """Draws a slap echo, or one in time with the song."""
    if rng.random() < 0.3:
        return Echo(rng.uniform(0.07, 0.14), 0.05, rng.uniform(3000, 9000), False)
    beats = _DELAYS[str(rng.choice(list(_DELAYS)))]
    return Echo(
        time_s=min(0.9, beats * beat_s),
        feedback=rng.uniform(0.15, 0.5),
        top_hz=rng.uniform(2000, 8000),
        ping_pong=bool(rng.random() < 0.4),
    )
