"""The six weightings against cases computed by hand."""

import math

import numpy as np
import pytest

from keras_munet.config import WEIGHTINGS
from keras_munet.errors import DataError
from keras_munet.training.weighting import ENERGY_FLOOR, WEIGHTING_CLASSES

SILENCE = np.zeros((2, 16, 2), np.float32)


def _weights(name, sources=SILENCE, energies=(2.0, 8.0), **settings):
    weighting = WEIGHTING_CLASSES[name](2, energies=energies, **settings)
    return np.array(weighting(sources))


def test_every_name_of_the_command_line_has_a_class():
    assert tuple(WEIGHTING_CLASSES) == WEIGHTINGS


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("unit", [1, 1]),
        ("dwa", [1, 1]),
        ("ebw-p1", [4, 1]),  # eq. (6): 8 / 2, 8 / 8
        ("ebw-p2", [16, 1]),  # eq. (8): 64 / 4, 64 / 64
        ("oh", [0.8, 0.2]),  # eqs. (9), (10): w1 * 2 = w2 * 8, w1 + w2 = 1
    ],
)
def test_weights_are_those_of_the_equations(name, expected):
    np.testing.assert_allclose(_weights(name), expected, rtol=1e-6)


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_normalized_weights_sum_to_the_number_of_sources(name, rng):
    sources = rng.random((2, 16, 2)).astype(np.float32)
    weights = _weights(name, sources, normalize=True)
    plain = _weights(name, sources)
    assert weights.sum() == pytest.approx(2, rel=1e-5)
    np.testing.assert_allclose(weights / plain, weights.sum() / plain.sum(), rtol=1e-5)


def test_the_published_energies_give_the_published_ratio():
    """Energies of Fig. 2 as the authors measured them, two sources."""
    weights = _weights("ebw-p1", energies=(173.4346, 687.5261))
    np.testing.assert_allclose(weights, [3.96418, 1], rtol=1e-5)


def test_instant_weights_follow_the_batch():
    sources = np.zeros((2, 16, 2), np.float32)
    sources[..., 0], sources[..., 1] = 0.2, -0.4  # squares 0.04 and 0.16
    np.testing.assert_allclose(_weights("ebw-inst-p1", sources), [4, 1], rtol=1e-6)


def test_instant_weights_have_a_floor_for_silent_sources():
    sources = np.zeros((2, 16, 2), np.float32)
    sources[..., 1] = 0.5
    weights = _weights("ebw-inst-p1", sources)
    np.testing.assert_allclose(weights, [65_280 / 4 / ENERGY_FLOOR, 1], rtol=1e-6)
    np.testing.assert_allclose(_weights("ebw-inst-p1", SILENCE), [1, 1])


def test_dwa_is_one_for_two_epochs_and_then_follows_the_rates():
    weighting = WEIGHTING_CLASSES["dwa"](2)
    weighting.end_epoch([1.0, 1.0])
    np.testing.assert_allclose(np.array(weighting(SILENCE)), [1, 1])
    weighting.end_epoch([0.5, 0.9])  # rates 0.5 and 0.9, T = 2
    shares = [math.exp(0.25), math.exp(0.45)]
    expected = [2 * share / sum(shares) for share in shares]
    np.testing.assert_allclose(np.array(weighting(SILENCE)), expected, rtol=1e-6)
    weighting.end_epoch([0.5, 0.9])  # both stand still: equal rates
    np.testing.assert_allclose(np.array(weighting(SILENCE)), [1, 1], rtol=1e-6)


def test_restored_dwa_goes_on_as_if_never_stopped():
    losses = [[1.0, 1.0], [0.5, 0.9], [0.4, 0.6], [0.1, 0.5]]
    whole, first, second = (WEIGHTING_CLASSES["dwa"](2) for _ in range(3))
    for row in losses:
        whole.end_epoch(row)
    for row in losses[:2]:
        first.end_epoch(row)
    second.restore(first.state())
    np.testing.assert_array_equal(np.array(second(SILENCE)), np.array(first(SILENCE)))
    for row in losses[2:]:
        second.end_epoch(row)
    np.testing.assert_array_equal(np.array(second(SILENCE)), np.array(whole(SILENCE)))


@pytest.mark.parametrize("energies", [None, (1.0,), (0.0, 1.0)])
def test_missing_or_zero_energies_are_refused(energies):
    with pytest.raises(DataError, match="positive energy for each of 2 sources"):
        WEIGHTING_CLASSES["ebw-p1"](2, energies=energies)
