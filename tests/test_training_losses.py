"""Both losses against cases computed by hand."""

import numpy as np
import pytest

from keras_munet.training.losses import (
    direct_loss,
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


def test_ideal_masks_are_clipped_at_ten_and_zero_in_silence():
    sources = np.array([50, 0, 3], np.float32).reshape(1, 1, 3, 1)
    mixture = np.array([1, 0, 3], np.float32).reshape(1, 1, 3, 1)
    masks = np.array(ideal_amplitude_masks(sources, mixture)).ravel()
    np.testing.assert_allclose(masks, [10, 0, 1])


@pytest.mark.parametrize("loss", [direct_loss, indirect_loss])
def test_ideal_masks_have_no_loss(loss, rng):
    sources = rng.random((2, 8, 8, 3)).astype(np.float32)
    mixture = sources.sum(-1, keepdims=True)
    masks = np.array(ideal_amplitude_masks(sources, mixture))
    np.testing.assert_allclose(np.array(loss(masks, sources, mixture)), 0, atol=1e-6)
