"""Both losses against cases computed by hand."""

import numpy as np
import pytest

from keras_munet.training.losses import (
    direct_loss,
    energy_loss,
    ideal_amplitude_masks,
    indirect_loss,
)


def _example():
    """Two bins, two sources: mixture 4 and 2."""
    mixture = np.array([4, 2], np.float32).reshape(1, 1, 2, 1)
    sources = np.array([[1, 3], [2, 0]], np.float32).reshape(1, 1, 2, 2)
    masks = np.array([[0.5, 0.5], [1, 1]], np.float32).reshape(1, 1, 2, 2)
    return masks, sources, mixture


def test_indirect_loss_is_equation_4_per_bin():
    # source 0: |1 - 0.5 * 4|, |2 - 1 * 2|; source 1: |3 - 2|, |0 - 2|
    losses = np.array(indirect_loss(*_example()))
    np.testing.assert_allclose(losses, [0.5, 1.5])


def test_direct_loss_is_equation_3_per_bin():
    # ideal masks: source 0: 1/4, 1; source 1: 3/4, 0
    losses = np.array(direct_loss(*_example()))
    np.testing.assert_allclose(losses, [0.125, 0.625])


def test_energy_loss_is_the_error_as_a_share_of_the_mixture():
    # source 0: (1 + 0) / (16 + 4), source 1: (1 + 4) / 20
    losses = np.array(energy_loss(*_example()))
    np.testing.assert_allclose(losses, [0.05, 0.25])


def test_energy_loss_counts_every_example_alike(rng):
    shape = (2, 8, 8, 3)
    masks, sources = (rng.random(shape).astype(np.float32) for _ in range(2))
    mixture = sources.sum(-1, keepdims=True)
    gains = np.array([1, 100], np.float32).reshape(2, 1, 1, 1)
    np.testing.assert_allclose(
        np.array(energy_loss(masks, gains * sources, gains * mixture)),
        np.array(energy_loss(masks, sources, mixture)),
        rtol=1e-5,
    )
    silence = np.zeros_like(sources)
    nothing = np.array(energy_loss(masks, silence, silence[..., :1]))
    np.testing.assert_array_equal(nothing, 0)


def test_the_best_constant_mask_is_the_median_for_l1_and_the_mean_for_energy():
    # A quiet source, there in one bin of four: L1 would rather have none of it.
    mixture = np.ones((1, 1, 4, 1), np.float32)
    sources = np.array([0, 0, 0, 1], np.float32).reshape(1, 1, 4, 1)
    constants = np.linspace(0, 1, 101, dtype=np.float32)

    def best(loss):
        values = [float(loss(c * mixture, sources, mixture)[0]) for c in constants]
        return constants[np.argmin(values)]

    assert best(indirect_loss) == 0
    assert best(energy_loss) == pytest.approx(0.25)


def test_ideal_masks_are_clipped_at_ten_and_zero_in_silence():
    sources = np.array([50, 0, 3], np.float32).reshape(1, 1, 3, 1)
    mixture = np.array([1, 0, 3], np.float32).reshape(1, 1, 3, 1)
    masks = np.array(ideal_amplitude_masks(sources, mixture)).ravel()
    np.testing.assert_allclose(masks, [10, 0, 1])


@pytest.mark.parametrize("loss", [direct_loss, indirect_loss, energy_loss])
def test_ideal_masks_have_no_loss(loss, rng):
    sources = rng.random((2, 8, 8, 3)).astype(np.float32)
    mixture = sources.sum(-1, keepdims=True)
    masks = np.array(ideal_amplitude_masks(sources, mixture))
    np.testing.assert_allclose(np.array(loss(masks, sources, mixture)), 0, atol=1e-6)
