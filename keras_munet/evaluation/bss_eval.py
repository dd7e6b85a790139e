"""BSS Eval v3: the energies of filtered target, interference and artifacts.

An estimate is projected on its own reference and on all references, each with every
delay from 0 to 511 samples. What the projections leave defines the scores. The
result equals `mir_eval.separation` without permutation; the way there is shorter:
correlations by short FFTs over blocks, one factorization for all estimates, and
residuals summed block by block, so that memory does not grow with the length.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
import scipy.linalg
from numpy.typing import NDArray

Array = NDArray[np.floating]
Spectrum = NDArray[np.complexfloating]

FILTER_LENGTH = 512
"""Taps of the allowed distortion filter (Vincent et al. 2006, BSS Eval v3)."""
_FFT_LENGTH = 8192
_REFINEMENTS = 2


@dataclass(frozen=True)
class Scores:
    """Ratios in dB, one per estimate; NaN where reference or estimate is silent.

    Attributes:
        sdr: signal to distortion.
        sir: source to interference.
        sar: source to artifacts.
        isr: image to spatial distortion; None for `bss_eval`.
        singular: True where the references, with their delays, are linearly
            dependent (duplicates, for example). SDR keeps its meaning; SIR and SAR
            rest on the projection alone, which stays unique.
    """

    sdr: Array
    sir: Array
    sar: Array
    isr: Array | None = None
    singular: bool = False


def bss_eval(references: Array, estimates: Array | Sequence[Array]) -> Scores:
    """Scores mono estimates, in the given order (`bss_eval_sources`).

    A silent reference adds nothing to what the others are projected on; its own
    scores are NaN, and so are those of a silent estimate. `mir_eval` raises there.
    Ratios above about 150 dB are rounding noise, here as there.

    Args:
        references: `(K, samples)`.
        estimates: `(K, samples)`, or several such sets (models, oracle, mixture)
            that share the work on the references.

    Returns:
        Scores of shape `(K,)`, or `(sets, K)` for several sets.

    Raises:
        ValueError: for other shapes, no samples, or values that are not finite.

    Reference:
        Vincent, Gribonval, Févotte 2006, Performance measurement in blind audio
        source separation.
    """
    sets, shape = _sets(references, estimates, "(K, samples)")
    energies, singular = _energies(
        references[..., None], [estimate[..., None] for estimate in sets]
    )
    _, target, _, interference, artifacts, projection, noise, _ = energies
    return Scores(
        sdr=_decibel(target, noise).reshape(shape),
        sir=_decibel(target, interference).reshape(shape),
        sar=_decibel(projection, artifacts).reshape(shape),
        singular=singular,
    )


def bss_eval_images(references: Array, estimates: Array | Sequence[Array]) -> Scores:
    """Scores multichannel estimates, in the given order (`bss_eval_images`).

    Args:
        references: `(K, samples, channels)`.
        estimates: `(K, samples, channels)`, or several such sets.

    Returns:
        Scores of shape `(K,)`, or `(sets, K)` for several sets, with `isr`.

    Raises:
        ValueError: for other shapes, no samples, or values that are not finite.
    """
    sets, shape = _sets(references, estimates, "(K, samples, channels)")
    energies, singular = _energies(references, sets)
    reference, target, spatial, interference, artifacts, projection, _, error = energies
    return Scores(
        sdr=_decibel(reference, error).reshape(shape),
        sir=_decibel(target, interference).reshape(shape),
        sar=_decibel(projection, artifacts).reshape(shape),
        isr=_decibel(reference, spatial).reshape(shape),
        singular=singular,
    )


def _sets(
    references: Array, estimates: Array | Sequence[Array], axes: str
) -> tuple[list[Array], tuple[int, ...]]:
    """Checks the signals; returns the sets and the shape of their scores."""
    single = np.ndim(estimates[0]) < references.ndim
    sets = [np.asarray(estimates)] if single else [np.asarray(x) for x in estimates]
    for estimate in sets:
        if (
            references.ndim != axes.count(",") + 1
            or references.size == 0
            or estimate.shape != references.shape
        ):
            raise ValueError(
                f"`references` and every set of `estimates` must be {axes}, of one "
                f"size. Received: {references.shape} and {estimate.shape}"
            )
    for name, group in (("references", [references]), ("estimates", sets)):
        if not all(np.isfinite(signal).all() for part in group for signal in part):
            raise ValueError(f"`{name}` must be finite. Received: NaN or infinity")
    n_sources = len(references)
    return sets, (n_sources,) if single else (len(sets), n_sources)


def _energies(references: Array, sets: list[Array]) -> tuple[Array, bool]:
    """Returns sums of squares, `(8, sets * K)`; NaN where something is silent.

    In the words of `mir_eval`, the rows are s_true, s_true + e_spat, e_spat,
    e_interf, e_artif, s_true + e_spat + e_interf, e_interf + e_artif, and
    e_spat + e_interf + e_artif.
    """
    n_sources = len(references)
    outputs = [estimate for group in sets for estimate in group]  # (samples, channels)
    targets = np.arange(len(outputs)) % n_sources
    audible = np.array([reference.any() for reference in references])
    scored = audible[targets] & np.array([output.any() for output in outputs])
    values = np.full((8, len(outputs)), np.nan)
    singular = False
    if scored.any():
        places = np.cumsum(audible) - 1  # source -> row among the audible ones
        values[:, scored], singular = _project(
            [reference for reference in references if reference.any()],
            [outputs[index] for index in np.flatnonzero(scored)],
            places[targets[scored]],
        )
    return values, singular


def _project(
    references: list[Array], estimates: list[Array], targets: NDArray[np.integer]
) -> tuple[Array, bool]:
    """Finds the filters and returns the energies of what they leave."""
    n_channels = references[0].shape[1]
    rows = [channel for signal in references for channel in signal.T]
    outputs = [channel for signal in estimates for channel in signal.T]
    gram, cross = _correlations(rows, outputs)
    # The filters of all references: (rows * taps, estimates * channels).
    every, singular = _solve(_toeplitz(gram), cross.reshape(len(outputs), -1).T)
    own = np.zeros_like(every)
    for target in np.unique(targets):
        at = slice(target * n_channels, (target + 1) * n_channels)
        taps = slice(at.start * FILTER_LENGTH, at.stop * FILTER_LENGTH)
        columns = np.repeat(targets == target, n_channels)
        own[taps, columns], _ = _solve(
            _toeplitz(gram[at, at]), cross[columns, at].reshape(columns.sum(), -1).T
        )
    return _residuals(rows, outputs, every, own, targets, n_channels), singular


def _segments(signals: list[Array], n_fft: int) -> Iterator[Array]:
    """Cuts `(n, samples)` into float64 `(n, n_fft)` that overlap by the filter.

    Segment s starts at sample `s * hop - overlap`; zeros surround the signals.
    """
    overlap = FILTER_LENGTH - 1
    hop = n_fft - overlap
    n_samples = len(signals[0])
    for start in range(-overlap, n_samples, hop):
        segment = np.zeros((len(signals), n_fft))
        first, last = max(start, 0), min(start + n_fft, n_samples)
        for row, signal in zip(segment, signals, strict=True):
            row[first - start : last - start] = signal[first:last]
        yield segment


def _fft_length(n_samples: int) -> int:
    shortest = 2 * scipy.fft.next_fast_len(max(n_samples, FILTER_LENGTH), real=True)
    return int(min(_FFT_LENGTH, shortest))


def _correlations(rows: list[Array], outputs: list[Array]) -> tuple[Array, Array]:
    """Correlates the references with themselves and with the estimates.

    Returns:
        `gram[i, j, l] = sum_n row_i[n] row_j[n + l]`, `(rows, rows, taps)`, and
        `cross[k, i, l] = sum_n row_i[n] output_k[n + l]`, `(outputs, rows, taps)`.
    """
    n_fft = _fft_length(len(rows[0]))
    n_bins, n_rows = n_fft // 2 + 1, len(rows)
    gram = np.zeros((n_rows, n_rows, n_bins), complex)
    cross = np.zeros((len(outputs), n_rows, n_bins), complex)
    pairs = zip(_segments(rows, n_fft), _segments(outputs, n_fft), strict=True)
    for row_segment, output_segment in pairs:
        ahead = scipy.fft.rfft(row_segment)
        row_segment[:, 1 - FILTER_LENGTH :] = 0  # the block, without look-ahead
        block = scipy.fft.rfft(row_segment).conj()
        for i in range(n_rows):
            gram[i] += block[i] * ahead
        for k, spectrum in enumerate(scipy.fft.rfft(output_segment)):
            cross[k] += block * spectrum
    return _lags(gram, n_fft), _lags(cross, n_fft)


def _lags(spectra: Spectrum, n_fft: int) -> Array:
    lags = [scipy.fft.irfft(row, n_fft)[..., :FILTER_LENGTH] for row in spectra]
    return np.stack(lags)


def _toeplitz(gram: Array) -> Array:
    """Inner products of all delayed references, `(rows * taps, rows * taps)`."""
    n_rows = len(gram)
    matrix = np.empty((n_rows, FILTER_LENGTH, n_rows, FILTER_LENGTH))
    for i in range(n_rows):
        for j in range(n_rows):
            matrix[i, :, j] = scipy.linalg.toeplitz(gram[i, j], gram[j, i])
    return matrix.reshape(n_rows * FILTER_LENGTH, -1)


def _solve(matrix: Array, right: Array) -> tuple[Array, bool]:
    """Solves the normal equations; True where the matrix is numerically singular.

    A singular matrix gets a ridge of the size of its rounding errors, so that it can
    be factorized, and the ridge's effect is taken back by iterative refinement. The
    filters are then not unique, but what they project to is, and only that enters
    the scores.
    """
    ridge = 0.0
    rounding = np.finfo(float).eps * len(matrix) * float(matrix.diagonal().max())
    while True:
        try:
            shifted = matrix.copy()
            shifted.flat[:: len(matrix) + 1] += ridge
            factor = scipy.linalg.cho_factor(
                shifted, lower=True, overwrite_a=True, check_finite=False
            )
            break
        except np.linalg.LinAlgError:
            ridge = 10 * ridge if ridge else rounding
    solution = scipy.linalg.cho_solve(factor, right, check_finite=False)
    for _ in range(_REFINEMENTS if ridge else 0):
        rest = right - matrix @ solution
        solution += scipy.linalg.cho_solve(factor, rest, check_finite=False)
    return solution, bool(ridge > 0)  # of numpy, JSON would refuse it


def _residuals(
    rows: list[Array],
    outputs: list[Array],
    every: Array,
    own: Array,
    targets: NDArray[np.integer],
    n_channels: int,
) -> Array:
    """Filters the references block by block and sums the squares of what is left.

    Returns:
        `(8, estimates)`, in the order of `_energies`.
    """
    n_fft = _fft_length(len(rows[0]))
    filters = [_spectra(taps, len(rows), n_fft) for taps in (every, own)]
    own_rows = targets[:, None] * n_channels + np.arange(n_channels)
    valid = slice(FILTER_LENGTH - 1, None)
    energies = np.zeros((8, len(targets)))
    pairs = zip(_segments(rows, n_fft), _segments(outputs, n_fft), strict=True)
    for row_segment, output_segment in pairs:
        spectrum = scipy.fft.rfft(row_segment)
        for index, target_rows in enumerate(own_rows):
            channels = slice(index * n_channels, (index + 1) * n_channels)
            estimate = output_segment[channels, valid]
            reference = row_segment[target_rows, valid]
            projection = _filtered(filters[0][channels], spectrum, n_fft)
            target = _filtered(
                filters[1][channels][:, target_rows], spectrum[target_rows], n_fft
            )
            parts = (
                reference,
                target,
                target - reference,
                projection - target,
                estimate - projection,
                projection,
                estimate - target,
                estimate - reference,
            )
            energies[:, index] += [np.einsum("cs,cs->", part, part) for part in parts]
    return energies


def _spectra(taps: Array, n_rows: int, n_fft: int) -> Spectrum:
    """Filters `(rows * taps, outputs)` as spectra `(outputs, rows, bins)`."""
    shaped = taps.T.reshape(-1, n_rows, FILTER_LENGTH)
    return np.stack([scipy.fft.rfft(filters, n_fft) for filters in shaped])


def _filtered(filters: Spectrum, spectrum: Spectrum, n_fft: int) -> Array:
    """Applies `(channels, rows, bins)` to `(rows, bins)`: `(channels, hop)`."""
    total = np.einsum("crf,rf->cf", filters, spectrum)
    signal: Any = scipy.fft.irfft(total, n_fft)
    filtered: Array = signal[:, FILTER_LENGTH - 1 :]
    return filtered


def _decibel(numerator: Array, denominator: Array) -> Array:
    """Ratio in dB; infinite where nothing is left below, as in `mir_eval`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Array = 10 * np.log10(numerator / denominator)
    ratio[denominator == 0] = np.inf
    return ratio
