"""The front end as layers: references, round trips, and what every layer must do."""

from pathlib import Path

import keras
import librosa
import numpy as np
import pytest
import tensorflow as tf

from keras_munet import dsp
from keras_munet.config import ModelConfig, STFTConfig, UNetConfig
from keras_munet.layers import (
    STFT,
    InverseSTFT,
    LogFrequencyUnwarp,
    LogFrequencyWarp,
    STFTMagnitude,
)
from keras_munet.layers.normalization import (
    FusedBatchNormalization,
    with_fused_normalization,
)
from keras_munet.layers.stft import magnitude
from keras_munet.models import FrontEnd, build_network
from keras_munet.models.cunet import FiLM
from keras_munet.models.precision import dtype_policy

CHUNK = STFTConfig().chunk_length
FRONT = STFTConfig(n_fft=510, hop_length=128, n_rows=64, warp="paper")


def _signals(rng):
    """Noise, silence, impulses at both ends, and a tone: (4, samples)."""
    signals = np.zeros((4, CHUNK), np.float32)
    signals[0] = 0.1 * rng.standard_normal(CHUNK)
    signals[2, [0, -1]] = 1
    signals[3] = 0.5 * np.sin(2 * np.pi * 1000 / 10880 * np.arange(CHUNK))
    return signals


def test_stft_equals_librosa(rng):
    signals = _signals(rng)
    real, imaginary = (np.array(x) for x in STFT()(signals))
    expected = librosa.stft(signals, n_fft=1022, hop_length=256, pad_mode="reflect")
    assert real.shape == (4, 512, 256)
    error = np.abs(real + 1j * imaginary - expected).max()
    assert error < 1e-4 * np.abs(expected).max()


def test_numpy_stft_equals_librosa(rng):
    signal = rng.standard_normal(10_001).astype(np.float32)
    ours = dsp.stft(signal, n_fft=512, hop_length=128)
    theirs = librosa.stft(signal, n_fft=512, hop_length=128, pad_mode="reflect")
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_tone_lands_in_its_bin():
    bin_number = 94
    n = np.arange(CHUNK)
    tone = np.cos(2 * np.pi * bin_number / 1022 * n).astype(np.float32)[None]
    real, imaginary = (np.array(x) for x in STFT()(tone))
    level = np.hypot(real, imaginary)[0, :, 100]
    assert level.argmax() == bin_number
    assert level[bin_number] == pytest.approx(dsp.hann(1022).sum() / 2, rel=1e-4)


def test_inverse_gives_the_signal_back_with_its_first_and_last_samples(rng):
    signals = _signals(rng)
    restored = np.array(InverseSTFT()(*STFT()(signals)))
    np.testing.assert_allclose(restored, signals, atol=1e-5)


@pytest.mark.parametrize("length", [1, 100, 511, 512, 5000, 10_240])
def test_numpy_pair_gives_any_length_back(rng, length):
    signal = rng.standard_normal((2, length)).astype(np.float32)
    spectrum = dsp.stft(signal, n_fft=1024, hop_length=256)
    restored = dsp.istft(spectrum, n_fft=1024, hop_length=256, length=length)
    np.testing.assert_allclose(restored, signal, atol=1e-5)


def test_channels_are_transformed_one_by_one(rng):
    signals = _signals(rng)
    together = STFT()(signals.T[None])
    alone = STFT()(signals)
    for both, single in zip(together, alone, strict=True):
        np.testing.assert_allclose(
            np.array(both)[0], np.moveaxis(np.array(single), 0, -1), atol=1e-5
        )
    np.testing.assert_allclose(
        np.array(InverseSTFT()(*together))[0], signals.T, atol=1e-5
    )


@pytest.mark.parametrize(("n_fft", "hop_length"), [(512, 128), (254, 64), (1024, 256)])
def test_other_windows_keep_the_law(rng, n_fft, hop_length):
    signal = rng.standard_normal((1, 64 * hop_length)).astype(np.float32)
    pair = STFT(n_fft, hop_length)(signal)
    expected = dsp.stft(signal, n_fft=n_fft, hop_length=hop_length)
    np.testing.assert_allclose(np.array(pair[0]), expected.real, atol=1e-3)
    restored = np.array(InverseSTFT(n_fft, hop_length)(*pair))
    np.testing.assert_allclose(restored, signal, atol=1e-5)


@pytest.mark.parametrize(("n_fft", "hop_length"), [(1022, 256), (510, 128), (512, 128)])
def test_magnitudes_by_fft_are_those_of_the_matmul(rng, n_fft, hop_length):
    signals = rng.standard_normal((2, 10 * hop_length, 3)).astype(np.float32)
    real, imaginary = STFT(n_fft, hop_length)(signals)
    expected = np.hypot(np.array(real), np.array(imaginary))
    magnitude = np.array(STFTMagnitude(n_fft, hop_length)(signals))
    np.testing.assert_allclose(magnitude, expected, atol=1e-4)


def test_a_length_that_is_no_whole_number_of_hops_is_refused():
    with pytest.raises(ValueError, match="multiple of hop_length=256"):
        STFT()(np.zeros((1, 65_281), np.float32))


def test_paper_warp_equals_torch_grid_sample():
    reference = np.load(Path(__file__).parent / "reference" / "grid_sample.npz")
    warp = LogFrequencyWarp(64, 32, "paper")
    rows = np.array(warp(reference["linear"][None]))[0]
    np.testing.assert_allclose(rows, reference["rows"], atol=1e-5)
    unwarp = LogFrequencyUnwarp(64, 32, "paper")
    bins = np.array(unwarp(reference["rows"][None, ..., None]))[0, ..., 0]
    np.testing.assert_allclose(bins, reference["bins"], atol=1e-5)


def test_aligned_warp_keeps_the_end_bins_and_masks_of_one(rng):
    spectrum = rng.random((1, 512, 8)).astype(np.float32)
    rows = np.array(LogFrequencyWarp()(spectrum))
    np.testing.assert_allclose(rows[:, [0, -1]], spectrum[:, [0, -1]], atol=1e-5)
    ones = np.array(LogFrequencyUnwarp()(np.ones((1, 256, 8, 2), np.float32)))
    np.testing.assert_allclose(ones, 1, atol=1e-5)


def test_the_warp_is_its_matrices(rng):
    spectrum = rng.random((2, 512, 64)).astype(np.float32)
    for variant in ("aligned", "paper"):
        config = STFTConfig(warp=variant)
        time = dsp.time_matrix(config, 64)
        rows = dsp.warp_matrix(config) @ spectrum
        np.testing.assert_allclose(
            rows if time is None else rows @ time.T,
            np.array(LogFrequencyWarp(512, 256, variant)(spectrum)),
            atol=1e-5,
        )


def _check_layer(layer, *inputs, folder):
    """Config round trip, symbolic = eager, saving, mixed precision."""
    eager = keras.tree.map_structure(np.array, layer(*inputs))
    twin = type(layer).from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    shapes = keras.tree.map_structure(lambda x: x.shape, eager)
    assert layer.compute_output_shape(*(x.shape for x in inputs)) == shapes
    symbols = [keras.Input(x.shape[1:]) for x in inputs]
    model = keras.Model(symbols, twin(*symbols))
    model.save(folder / "layer.keras")
    loaded = keras.models.load_model(folder / "layer.keras")
    for other in (model, loaded):
        outputs = keras.tree.flatten(other(list(inputs)))
        for expected, output in zip(keras.tree.flatten(eager), outputs, strict=True):
            np.testing.assert_allclose(np.array(output), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (STFT(510, 128), [(2, 1280)]),
        (STFT(510, 128), [(2, 1280, 3)]),
        (STFTMagnitude(510, 128), [(2, 1280, 3)]),
        (FrontEnd(FRONT), [(2, 1280, 3)]),
        (FrontEnd(FRONT, name="ears", dtype="float64"), [(2, 1280, 3)]),
        (InverseSTFT(510, 128), [(2, 256, 11), (2, 256, 11)]),
        (InverseSTFT(510, 128), [(2, 256, 11, 3), (2, 256, 11, 3)]),
        (LogFrequencyWarp(64, 32, "paper"), [(2, 64, 16)]),
        (LogFrequencyUnwarp(64, 32), [(2, 32, 16, 3)]),
        (FiLM(4), [(2, 8, 8, 3), (2, 12), (2, 12)]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_every_layer_keeps_the_layer_contract(layer, shapes, rng, tmp_path):
    inputs = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    _check_layer(layer, *inputs, folder=tmp_path)


def test_front_end_stays_float32_under_mixed_precision(rng):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        signal = rng.standard_normal((1, CHUNK)).astype(np.float32)
        restored = np.array(InverseSTFT()(*STFT()(signal)))
    finally:
        keras.config.set_dtype_policy(policy)
    np.testing.assert_allclose(restored, signal, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16"])
def test_the_front_end_of_training_is_the_same_under_every_dtype_policy(policy, rng):
    signals = rng.standard_normal((2, 1280, 3)).astype(np.float32)
    expected = np.array(FrontEnd(FRONT)(signals))
    with dtype_policy(policy):
        result = FrontEnd(FRONT)(signals)
    assert keras.backend.standardize_dtype(result.dtype) == "float32"
    np.testing.assert_array_equal(np.array(result), expected)


@pytest.mark.parametrize("kind", [STFTMagnitude, STFT])
def test_the_gradient_of_magnitudes_is_a_number_in_silence_too(kind, rng):
    """One silent chunk must not make a NaN of the gradient, its own included."""
    signals = np.zeros((2, 1280, 1), np.float32)
    signals[0] = 0.1 * rng.standard_normal((1280, 1))
    signals = tf.constant(signals)
    with tf.GradientTape() as tape:
        tape.watch(signals)
        spectrum = kind(510, 128)(signals)
        spectrum = magnitude(*spectrum) if kind is STFT else spectrum
        loss = tf.reduce_sum(spectrum)
    gradient = np.array(tape.gradient(loss, signals))
    assert np.isfinite(gradient).all()
    assert np.abs(gradient[0]).max() > 0.1
    np.testing.assert_allclose(np.array(spectrum)[1], 0, atol=1e-18)


def _trained_once(layer, signal, target):
    """Returns the output, the gradients and the moving statistics of one step."""
    signal = tf.constant(signal)
    with tf.GradientTape() as tape:
        tape.watch(signal)
        result = tf.cast(layer(signal, training=True), "float32")
        loss = tf.reduce_mean(tf.square(result - target))
    gradients = tape.gradient(loss, [signal, layer.gamma, layer.beta])
    return [np.array(x) for x in (result, *gradients, *layer.non_trainable_weights)]


@pytest.mark.parametrize(
    ("policy", "tolerance"),
    [("float32", 2e-5), ("mixed_bfloat16", 0.03), ("mixed_float16", 0.004)],
)
@pytest.mark.parametrize("channels", [3, 16])  # not all have a kernel of their own
def test_fused_normalization_is_keras_normalization(policy, tolerance, channels, rng):
    signal = 3 * rng.standard_normal((2, 5, 4, channels)) + 5 * np.arange(channels) / 16
    target = rng.standard_normal(signal.shape).astype(np.float32)
    results = []
    for kind in (keras.layers.BatchNormalization, FusedBatchNormalization):
        layer = kind(momentum=0.9, epsilon=1e-5, dtype=policy)
        layer.build(signal.shape)
        start = np.array([[1, 2, 0.5], [0, -1, 3], [1, 1, 0], [2, 1, 1]])
        layer.set_weights(np.resize(start.T, (channels, 4)).T)
        inputs = signal.astype(layer.compute_dtype)
        results.append([*_trained_once(layer, inputs, target), np.array(layer(inputs))])
    for expected, result in zip(*results, strict=True):
        assert result.dtype == expected.dtype
        scale = np.abs(expected.astype(np.float32)).max()
        error = np.abs(result.astype(np.float32) - expected.astype(np.float32)).max()
        assert error <= tolerance * scale


@pytest.mark.parametrize("architecture", ["munet", "cunet"])
def test_a_copy_for_training_computes_what_the_network_does(architecture, rng):
    unet = UNetConfig(architecture, width=2, depth=2, dropout=0.0)
    network = build_network(ModelConfig(unet=unet))
    copy = with_fused_normalization(network)
    fused = [layer for layer in copy.layers if type(layer) is FusedBatchNormalization]
    assert len(fused) >= 4 * unet.depth + 2
    features = rng.standard_normal((2, 256, 16, 1)).astype(np.float32)
    inputs = [features, np.eye(2, dtype=np.float32)]
    inputs = inputs if architecture == "cunet" else features
    for training in (False, True, False):  # and so do the statistics that training sets
        expected = np.array(network(inputs, training=training))
        result = np.array(copy(inputs, training=training))
        np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-4)
