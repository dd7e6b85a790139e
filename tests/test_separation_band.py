import numpy as np
import pytest

from keras_munet.config import STFTConfig
from keras_munet.separation.band import (
    LIMIT,
    TOP,
    MaskCarrier,
    carrier_grid,
    full_band_masks,
    model_grid,
    normalize,
)

STFT = STFTConfig()


@pytest.mark.parametrize(
    ("rate", "n_fft"),
    [
        (8000, 1024),
        (10880, 1024),
        (22050, 2048),
        (44100, 4096),
        (48000, 4096),
        (96000, 8192),
        (192000, 16384),
    ],
)
def test_the_carrier_has_frames_about_as_long_as_the_models(rate, n_fft):
    grid = carrier_grid(rate, STFT)
    assert (grid.n_fft, grid.hop_length) == (n_fft, n_fft // 4)
    assert 0.7 < (n_fft / rate) / (STFT.n_fft / STFT.sample_rate) < 1.42


def test_normalized_masks_sum_to_one_and_keep_their_ratio(rng):
    masks = rng.random((4, 5, 6), np.float32) * 3 + 0.1
    shares = normalize(masks)
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-6)
    np.testing.assert_allclose(shares[0] / shares[1], masks[0] / masks[1], rtol=1e-4)


def test_dead_masks_share_equally():
    np.testing.assert_allclose(normalize(np.zeros((4, 2, 3), np.float32)), 0.25)


def test_a_single_mask_is_cut_off_at_one():
    masks = np.array([[[0.2, 1.0, 3.0]]], np.float32)
    np.testing.assert_allclose(normalize(masks), [[[0.2, 1.0, 1.0]]])


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_sums_ones_and_ranges_survive(rng, rate):
    masks = normalize(rng.random((3, 60, STFT.n_bins), np.float32))
    carried = full_band_masks(masks, rate, rate, STFT)
    grid = carrier_grid(rate, STFT)
    assert carried.shape == (3, grid.n_frames(rate), grid.n_bins)
    np.testing.assert_allclose(carried.sum(axis=0), 1, atol=1e-5)
    assert carried.min() >= masks.min() and carried.max() <= masks.max() + 1e-6
    ones = full_band_masks(np.ones_like(masks), rate, rate, STFT)
    np.testing.assert_array_equal(ones, 1)


def test_a_mask_linear_in_frequency_stays_linear_up_to_the_limit():
    hz = np.arange(STFT.n_bins) * STFT.sample_rate / STFT.n_fft
    masks = np.broadcast_to(hz, (1, 4, STFT.n_bins)).astype(np.float32)
    carried = full_band_masks(masks, 44100, 1024, STFT)[0, 0]
    bins_hz = np.arange(2049) * 44100 / 4096
    low = bins_hz <= LIMIT * STFT.sample_rate
    np.testing.assert_allclose(carried[low], bins_hz[low], rtol=1e-5, atol=1e-2)
    inside = (hz >= TOP[0] * STFT.sample_rate) & (hz <= TOP[1] * STFT.sample_rate)
    np.testing.assert_allclose(carried[~low], hz[inside].mean(), rtol=1e-5)


def test_a_mask_linear_in_time_stays_linear_and_then_holds():
    seconds = np.arange(50) * STFT.hop_length / STFT.sample_rate
    masks = np.repeat(seconds[None, :, None], STFT.n_bins, axis=2).astype(np.float32)
    carried = full_band_masks(masks, 48000, 2 * 48000, STFT)[0, :, 7]
    expected = np.minimum(np.arange(len(carried)) * 1024 / 48000, seconds[-1])
    np.testing.assert_allclose(carried, expected, atol=1e-6)


def test_on_the_models_own_grid_masks_are_left_alone(rng):
    masks = rng.random((2, 9, STFT.n_bins), np.float32)
    carrier = MaskCarrier(model_grid(STFT), STFT)
    np.testing.assert_array_equal(carrier.read(masks, 0, range(2, 7)), masks[:, 2:7])


def test_reading_in_parts_is_reading_at_once(rng):
    masks = rng.random((2, 60, STFT.n_bins), np.float32)
    carrier = MaskCarrier(carrier_grid(44100, STFT), STFT)
    n_ready = carrier.n_ready(60)
    whole = carrier.read(masks, 0, range(n_ready))
    late = carrier.read(masks[:, 20:], 20, range(n_ready - 20, n_ready))
    np.testing.assert_allclose(late, whole[:, -20:], atol=1e-6)
    # Nothing that is ready depends on masks that are not there yet.
    longer = np.concatenate([masks, rng.random(masks.shape, np.float32)], axis=1)
    np.testing.assert_array_equal(carrier.read(longer, 0, range(n_ready)), whole)
