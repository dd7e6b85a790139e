"""Filters that change with time: excitation shaped by envelopes, frame by frame."""

import numpy as np
import scipy.fft

from keras_munet.dsp import FloatArray
from keras_munet.studio.singers.analysis import N_FFT

HOP = 256
"""Samples between frames."""

_WINDOW = 4 * HOP


def _frames(sound: FloatArray, n_frames: int, window: FloatArray) -> FloatArray:
    padded = np.zeros(_WINDOW + n_frames * HOP, np.float32)
    padded[_WINDOW // 2 : _WINDOW // 2 + len(sound)] = sound[: n_frames * HOP]
    view = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)
    return view[: n_frames * HOP : HOP] * window


def shape(excitations: list[FloatArray], gains: list[FloatArray]) -> FloatArray:
    """Sums excitations, each filtered by its gains.

    Filters have zero phase, so the sound stays where the excitation is.

    Args:
        excitations: each `(frames * HOP,)`.
        gains: each `(frames, N_FFT // 2 + 1)`, amplitude of frame k at sample k * HOP.

    Returns:
        `(frames * HOP,)`.
    """
    n_frames = len(gains[0])
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)).astype(
        np.float32
    )
    spectrum: FloatArray | float = 0.0
    for excitation, gain in zip(excitations, gains, strict=True):
        frames = _frames(excitation, n_frames, window)
        spectrum = spectrum + scipy.fft.rfft(frames, N_FFT, axis=1) * gain
    frames = scipy.fft.irfft(spectrum, N_FFT, axis=1)
    frames = np.roll(frames, (N_FFT - _WINDOW) // 2, axis=1)
    out = np.zeros(((n_frames + N_FFT // HOP) * HOP,), np.float32)
    blocks = out.reshape(-1, HOP)
    for k in range(N_FFT // HOP):
        blocks[k : k + n_frames] += frames[:, k * HOP : (k + 1) * HOP]
    return out[N_FFT // 2 :][: n_frames * HOP] / 2
