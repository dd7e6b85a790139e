"""BSS Eval v3: equal to `mir_eval`, and calm where that one raises."""

import warnings
from functools import partial

import numpy as np
import pytest
from scipy.signal import lfilter

from keras_munet.evaluation.bss_eval import FILTER_LENGTH, bss_eval, bss_eval_images
from keras_munet.evaluation.mir_eval_backend import mir_eval_scores
from keras_munet.evaluation.museval_backend import museval_scores

LENGTH = 12_345  # no multiple of anything


@pytest.fixture
def signals(rng):
    """Makes coloured stems that overlap, and estimates with all kinds of errors."""

    def make(n_sources: int, n_samples: int = LENGTH, n_channels: int = 1):
        shape = (n_sources, n_samples, n_channels)
        references = rng.standard_normal(shape)
        for index, reference in enumerate(references):
            reference[:] = lfilter([1], [1, -0.4 - 0.1 * index], reference, axis=0)
        estimates = (
            0.8 * references
            + 0.1 * references.sum(axis=0)
            + 0.2 * np.roll(references, 37, axis=1)
            + 0.05 * rng.standard_normal(shape)
        )
        return references, estimates

    return make


def gap_db(references, estimates) -> float:
    """Largest difference from `mir_eval` in any ratio."""
    metric = bss_eval if references.ndim == 2 else bss_eval_images
    ours, theirs = metric(references, estimates), mir_eval_scores(references, estimates)
    names = ["sdr", "sir", "sar"] + (["isr"] if references.ndim == 3 else [])
    return max(
        np.abs(getattr(ours, name) - getattr(theirs, name)).max() for name in names
    )


@pytest.mark.parametrize("n_sources", [2, 3, 4])
def test_sources_equal_mir_eval(signals, n_sources):
    references, estimates = signals(n_sources)
    assert gap_db(references[..., 0], estimates[..., 0]) < 1e-6


@pytest.mark.parametrize("n_samples", [600, 8192 - 511, 8192, 20_000])
def test_any_length_equals_mir_eval(signals, n_samples):
    references, estimates = signals(2, n_samples)
    assert gap_db(references[..., 0], estimates[..., 0]) < 1e-6


def test_images_equal_mir_eval(signals):
    references, estimates = signals(2, n_channels=2)
    assert gap_db(references, estimates) < 1e-6


def test_float32_and_silence_in_parts_equal_mir_eval(signals):
    references, estimates = signals(3)
    references[0, 2000:7000] = 0
    references[1, :9000] = 0
    estimates[1, :9000] = 0
    references, estimates = references[..., 0], estimates[..., 0]
    assert gap_db(references.astype("f4"), estimates.astype("f4")) < 1e-6


def test_pure_tones_equal_mir_eval(rng):
    """Nearly singular: a tone's delays span two dimensions, plus rounding."""
    time_s = np.arange(LENGTH) / 10880
    references = np.stack([np.sin(2 * np.pi * hz * time_s) for hz in (110, 440)])
    estimates = references + 0.1 * rng.standard_normal(references.shape)
    assert gap_db(references.astype("f4"), estimates.astype("f4")) < 1e-3


def test_duplicate_references_are_scored_and_reported(signals):
    references, estimates = signals(3)
    references[1] = references[0]
    scores = bss_eval(references[..., 0], estimates[..., 0])
    assert scores.singular
    theirs = mir_eval_scores(references[..., 0], estimates[..., 0])
    np.testing.assert_allclose(scores.sdr, theirs.sdr, atol=1e-3)
    np.testing.assert_allclose(scores.sar, theirs.sar, atol=1e-3)


def test_centred_stereo_is_scored_and_reported(signals):
    """Two equal channels are linearly dependent, and common in music."""
    references, estimates = signals(2, n_channels=2)
    references[0, :, 1] = references[0, :, 0]
    scores = bss_eval_images(references, estimates)
    assert scores.singular
    theirs = mir_eval_scores(references, estimates)
    for name in ("sdr", "isr", "sar"):
        np.testing.assert_allclose(
            getattr(scores, name), getattr(theirs, name), atol=0.01
        )


def test_a_filter_of_the_target_is_no_distortion(signals):
    """The law behind the 512 taps: any shorter filter is forgiven, a longer is not."""
    references, _ = signals(2)
    references = references[..., 0]
    within = np.zeros_like(references)
    within[:, FILTER_LENGTH - 1 :] = 0.5 * references[:, : 1 - FILTER_LENGTH]
    beyond = np.roll(within, 1, axis=1)
    # A delayed signal loses its last samples, which is a small distortion.
    assert bss_eval(references, within).sdr.min() > 10
    assert bss_eval(references, beyond).sdr.max() < 3


def test_perfect_estimates_score_beyond_100_db(signals):
    references, _ = signals(2)
    scores = bss_eval(references[..., 0], references[..., 0])
    assert min(scores.sdr.min(), scores.sir.min(), scores.sar.min()) > 100
    assert np.isinf(bss_eval_images(references, references).sdr).all()


def test_several_sets_score_as_each_alone(signals):
    references, estimates = signals(3)
    references, estimates = references[..., 0], estimates[..., 0]
    mixture = np.broadcast_to(references.sum(axis=0), references.shape)
    both = bss_eval(references, [estimates, mixture])
    assert both.sdr.shape == (2, 3)
    for row, alone in enumerate((estimates, mixture)):
        np.testing.assert_allclose(both.sdr[row], bss_eval(references, alone).sdr)


def test_order_of_sources_does_not_matter(signals):
    references, estimates = signals(3)
    references, estimates = references[..., 0], estimates[..., 0]
    forward = bss_eval(references, estimates)
    backward = bss_eval(references[::-1], estimates[::-1])
    for name in ("sdr", "sir", "sar"):
        np.testing.assert_allclose(
            getattr(forward, name), getattr(backward, name)[::-1], rtol=1e-9
        )


def test_gain_of_an_estimate_does_not_matter(signals):
    references, estimates = signals(2)
    references, estimates = references[..., 0], estimates[..., 0]
    loud = bss_eval(references, 1000 * estimates)
    np.testing.assert_allclose(loud.sdr, bss_eval(references, estimates).sdr)


@pytest.mark.parametrize("score", [bss_eval, mir_eval_scores])
def test_silence_has_no_score_and_harms_no_other(signals, score):
    references, estimates = signals(3)
    references, estimates = references[..., 0], estimates[..., 0]
    references[1] = 0
    estimates[2] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score(references, estimates)
    for ratio in (scores.sdr, scores.sir, scores.sar):
        assert np.isfinite(ratio).tolist() == [True, False, False]
    rest = bss_eval(references[[0, 2]], estimates[[0, 0]])
    assert scores.sdr[0] == pytest.approx(rest.sdr[0])


@pytest.mark.parametrize("score", [bss_eval, mir_eval_scores])
def test_all_silent_has_no_score(score):
    assert np.isnan(score(np.zeros((2, 900)), np.zeros((2, 900))).sdr).all()


@pytest.mark.parametrize(
    "score",
    [bss_eval_images, mir_eval_scores, partial(museval_scores, sample_rate=400)],
)
def test_scoring_leaves_the_filters_of_warnings_to_others(signals, score, monkeypatch):
    """They are the process's: `evaluate` scores in threads."""

    def touched(*arguments, **options):
        raise AssertionError("filters of warnings were touched")

    references, estimates = signals(2)
    if isinstance(score, partial):
        pytest.importorskip("museval")
        references[:, :400] = 0  # a window that does not count
    monkeypatch.setattr(warnings, "catch_warnings", touched)
    assert np.isfinite(score(references, estimates).sdr).all()


def test_inputs_stay_as_they_were(signals):
    references, estimates = signals(2)
    copies = references.copy(), estimates.copy()
    bss_eval_images(references, estimates)
    np.testing.assert_array_equal(references, copies[0])
    np.testing.assert_array_equal(estimates, copies[1])


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"\(2, 100\) and \(2, 99\)"):
        bss_eval(np.ones((2, 100)), np.ones((2, 99)))
    with pytest.raises(ValueError, match="samples, channels"):
        bss_eval_images(np.ones((2, 100)), np.ones((2, 100)))
    with pytest.raises(ValueError, match=r"\(2, 0\)"):
        bss_eval(np.ones((2, 0)), np.ones((2, 0)))


def test_nan_is_refused(signals):
    references, estimates = signals(2)
    estimates[0, 5] = np.nan
    with pytest.raises(ValueError, match="`estimates` must be finite"):
        bss_eval_images(references, estimates)
