"""The numbers of the STFT pair and of the log-frequency warp, in NumPy.

The layers, the exported graphs and the NumPy functions all read them from here, so
that there is one front end. The law: `istft(stft(x)) == x`, first and last samples
included, because the overlap-add is divided by the exact sum of squared windows.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from keras_munet.config import STFTConfig

FloatArray = NDArray[np.floating]
ComplexArray = NDArray[np.complexfloating]

ENERGY_SAMPLES = 65_280
"""Samples of the 6 s over which the authors sum a chunk's energy."""

MASK_LIMIT = 10.0
"""Largest ideal amplitude mask, as in the authors' code (paper, eq. 2)."""

WARP_BASE = 21.0
"""Base of the log-frequency axis of Sound of Pixels (Zhao et al. 2018)."""

BANDS_HZ = (80.0, 240.0, 720.0, 2160.0, 4320.0, 8640.0)
"""Where the gains of an equaliser are given; between, straight lines over octaves."""


def hann(length: int) -> FloatArray:
    """Returns the periodic Hann window, shape `(length,)`, float64."""
    window: FloatArray = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    return window


def frame_length(stft: STFTConfig) -> int:
    """Returns `n_fft` rounded up to a multiple of the hop (1022 -> 1024).

    Frames of this length are whole numbers of hops, so that cutting and adding
    them is a matter of shifted blocks. The window is zero-padded evenly.
    """
    hops = -(-stft.n_fft // stft.hop_length)
    length = hops * stft.hop_length
    return length + stft.hop_length * ((length - stft.n_fft) % 2)


def padded_window(stft: STFTConfig) -> FloatArray:
    """Returns the Hann window in the middle of a frame, `(frame_length,)`."""
    margin = (frame_length(stft) - stft.n_fft) // 2
    return np.pad(hann(stft.n_fft), margin)


def _phases(stft: STFTConfig) -> FloatArray:
    """Angle of bin k at sample n of a frame, `(frame_length, n_bins)`."""
    margin = (frame_length(stft) - stft.n_fft) // 2
    n = np.arange(frame_length(stft)) - margin
    k = np.arange(stft.n_bins)
    return 2 * np.pi * ((n[:, None] * k) % stft.n_fft) / stft.n_fft


@functools.cache
def analysis_matrix(stft: STFTConfig) -> FloatArray:
    """Returns the windowed DFT: frame -> real parts, then imaginary parts.

    Returns:
        float32, `(frame_length, 2 * n_bins)`.
    """
    window, phase = padded_window(stft)[:, None], _phases(stft)
    matrix = np.concatenate([window * np.cos(phase), -window * np.sin(phase)], axis=1)
    return matrix.astype(np.float32)


@functools.cache
def synthesis_matrix(stft: STFTConfig) -> FloatArray:
    """Returns the inverse DFT times the window: real, imaginary -> frame.

    Returns:
        float32, `(2 * n_bins, frame_length)`.
    """
    window, phase = padded_window(stft), _phases(stft).T
    scale = np.full((stft.n_bins, 1), 2.0 / stft.n_fft)
    scale[[0, -1]] = 1.0 / stft.n_fft  # zero and Nyquist have no mirror image
    matrix = np.concatenate(
        [scale * np.cos(phase) * window, -scale * np.sin(phase) * window]
    )
    return matrix.astype(np.float32)


def window_sum(window: FloatArray, hop_length: int, n_frames: int) -> FloatArray:
    """Returns the overlap-added squared window of `n_frames` frames.

    Returns:
        float64, `(len(window) + (n_frames - 1) * hop_length,)`.
    """
    total = np.zeros(len(window) + (n_frames - 1) * hop_length)
    for frame in range(n_frames):
        total[frame * hop_length :][: len(window)] += window**2
    return total


def synthesis_gain(stft: STFTConfig, n_frames: int) -> FloatArray:
    """Returns what the trimmed overlap-add must be multiplied with.

    Returns:
        float32, `((n_frames - 1) * hop_length,)`.
    """
    half = frame_length(stft) // 2
    total = window_sum(padded_window(stft), stft.hop_length, n_frames)
    gain: FloatArray = (1.0 / total[half:-half]).astype(np.float32)
    return gain


def _interpolation(positions: FloatArray, size: int) -> FloatArray:
    """Linear interpolation as a matrix: zero outside `[0, size - 1]`.

    Returns:
        float32, `(len(positions), size)`.
    """
    distance = np.abs(positions[:, None] - np.arange(size))
    matrix: FloatArray = np.maximum(0.0, 1.0 - distance).astype(np.float32)
    return matrix


def _positions(grid: FloatArray, size: int, warp: str) -> FloatArray:
    """Grid coordinates in [-1, 1] as fractional indices of an axis of `size`."""
    if warp == "paper":  # torch.grid_sample, align_corners=False
        return ((grid + 1) * size - 1) / 2
    return np.clip((grid + 1) / 2 * (size - 1), 0, size - 1)


@functools.cache
def warp_matrix(stft: STFTConfig) -> FloatArray:
    """Returns the linear -> log-frequency map, float32 `(n_rows, n_bins)`.

    Row v in [-1, 1] reads the linear axis at `(21**((v + 1) / 2) - 11) / 10`.
    """
    v = np.linspace(-1, 1, stft.n_rows)
    grid = (WARP_BASE ** ((v + 1) / 2) - 11) / 10
    return _interpolation(_positions(grid, stft.n_bins, stft.warp), stft.n_bins)


@functools.cache
def unwarp_matrix(stft: STFTConfig) -> FloatArray:
    """Returns the log-frequency -> linear map, float32 `(n_bins, n_rows)`.

    Bin v in [-1, 1] reads the warped axis at `log(10 v + 11) / log(21) * 2 - 1`.
    """
    v = np.linspace(-1, 1, stft.n_bins)
    grid = np.log(10 * v + 11) / np.log(WARP_BASE) * 2 - 1
    return _interpolation(_positions(grid, stft.n_rows, stft.warp), stft.n_rows)


@functools.cache
def time_matrix(stft: STFTConfig, n_frames: int) -> FloatArray | None:
    """Returns what the warp does to the time axis, float32 `(n_frames, n_frames)`.

    The `aligned` warp leaves time alone: None. The authors' code resamples both
    axes with `align_corners=False`, which stretches time about its middle a little.
    """
    if stft.warp == "aligned":
        return None
    grid = np.linspace(-1, 1, n_frames)
    return _interpolation(_positions(grid, n_frames, "paper"), n_frames)


def energy(signals: FloatArray) -> FloatArray:
    """Returns the energy of 6 s at 10 880 Hz: the mean square times 65 280.

    The authors' code sums the squared samples of a chunk, and their published
    energies are of that scale. By Parseval it is proportional to what the paper
    defines, the mean |S|^2 per time-frequency bin (section III-A), so that weights,
    which are ratios, are the same.

    Args:
        signals: `(..., samples)`, full scale 1.

    Returns:
        float64, `(...)`.
    """
    mean: FloatArray = np.mean(np.square(signals), axis=-1, dtype=np.float64)
    return ENERGY_SAMPLES * mean


def rfft(frames: FloatArray) -> ComplexArray:
    """Real FFT over the last axis, as precise as what it is given.

    Args:
        frames: float32 or float64, `(..., n_fft)`.

    Returns:
        complex64 or complex128, `(..., n_fft // 2 + 1)`.
    """
    spectrum: ComplexArray = np.fft.rfft(frames)
    # NumPy 1 computes in double precision only.
    return spectrum.astype(np.result_type(frames, np.complex64), copy=False)


def irfft(spectrum: ComplexArray, n_fft: int) -> FloatArray:
    """Inverse of `rfft`, as precise as what it is given.

    Args:
        spectrum: complex64 or complex128, `(..., n_fft // 2 + 1)`.
        n_fft: samples of the result.

    Returns:
        float32 or float64, `(..., n_fft)`.
    """
    frames: FloatArray = np.fft.irfft(spectrum, n_fft)
    return frames.astype(spectrum.real.dtype, copy=False)


def stft(
    signal: FloatArray, *, n_fft: int, hop_length: int, window: FloatArray | None = None
) -> ComplexArray:
    """Short-time Fourier transform: centred, reflect-padded, periodic Hann.

    Equal to `librosa.stft(signal, pad_mode="reflect", ...)`. Signals too short to
    be reflected are padded with zeros.

    Args:
        signal: real, `(..., samples)`.
        n_fft: window length in samples, even.
        hop_length: samples between frames.
        window: `(n_fft,)`; Hann by default.

    Returns:
        complex, `(..., n_fft // 2 + 1, 1 + samples // hop_length)`.
    """
    half = n_fft // 2
    mode = "reflect" if signal.shape[-1] > half else "constant"
    pads = [(0, 0)] * (signal.ndim - 1) + [(half, half)]
    padded = np.pad(signal, pads, mode=mode)  # type: ignore[call-overload]
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=-1)
    frames = frames[..., ::hop_length, :]
    window = (hann(n_fft) if window is None else window).astype(signal.dtype)
    return np.swapaxes(rfft(frames * window), -1, -2)


def istft(
    spectrogram: ComplexArray, *, n_fft: int, hop_length: int, length: int
) -> FloatArray:
    """Inverse of `stft` to exactly `length` samples, edges included.

    Args:
        spectrogram: complex, `(..., n_fft // 2 + 1, frames)`.
        n_fft: as given to `stft`.
        hop_length: as given to `stft`.
        length: samples of the result.

    Returns:
        real, `(..., length)`.
    """
    half, n_frames = n_fft // 2, spectrogram.shape[-1]
    window = hann(n_fft)
    frames = irfft(np.swapaxes(spectrogram, -1, -2), n_fft)
    frames = frames * window.astype(frames.dtype)
    total = np.zeros(
        (*spectrogram.shape[:-2], n_fft + (n_frames - 1) * hop_length), frames.dtype
    )
    for frame in range(n_frames):
        start = frame * hop_length
        total[..., start : start + n_fft] += frames[..., frame, :]
    weight = window_sum(window, hop_length, n_frames)[half : half + length]
    signal = total[..., half : half + length]
    restored: FloatArray = signal / np.maximum(weight, 1e-8).astype(frames.dtype)
    return restored


@functools.lru_cache(maxsize=2)
def band_weights(n_samples: int, sample_rate: int) -> FloatArray:
    """Returns what a decibel of each band adds to the logarithm of each bin's gain.

    Lower and higher than all bands, the outermost gains hold.

    Args:
        n_samples: length of the transform.
        sample_rate: in Hz.

    Returns:
        float32, `(bands, n_samples // 2 + 1)`.
    """
    hertz = np.fft.rfftfreq(n_samples, 1 / sample_rate).clip(min=1.0)
    octaves, places = np.log2(hertz), np.log2(BANDS_HZ)
    weights = [np.interp(octaves, places, band) for band in np.eye(len(BANDS_HZ))]
    logarithms: FloatArray = np.stack(weights).astype(np.float32)
    return logarithms * np.float32(np.log(10) / 20)
