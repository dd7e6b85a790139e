"""The networks: golden sizes, any chunk length, files, and the waveform wrapper."""

import dataclasses
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_munet.config import (
    FOUR_SOURCES,
    TWO_SOURCES,
    ModelConfig,
    STFTConfig,
    UNetConfig,
)
from keras_munet.errors import ModelError
from keras_munet.layers import STFTMagnitude
from keras_munet.models import build_network, load_model, save_model, separator_model
from keras_munet.models.cost import cost
from keras_munet.models.separator import log_features

GOLDEN = Path(__file__).parent / "reference" / "weights.json"
SMALL = UNetConfig(width=4, depth=4, output_bias=0.5)


def _small(architecture="munet", sources=TWO_SOURCES):
    unet = UNetConfig(architecture=architecture, width=4, depth=4, output_bias=0.5)
    return ModelConfig(sources=sources, unet=unet)


@pytest.mark.parametrize(
    ("architecture", "sources", "n_parameters"),
    [
        ("dedicated", ("vocals",), 124_448_673),
        ("munet", TWO_SOURCES, 124_448_706),
        pytest.param("munet", FOUR_SOURCES, 124_448_772, marks=pytest.mark.slow),
        pytest.param("cunet", TWO_SOURCES, 162_004_001, marks=pytest.mark.slow),
        ("cunet", FOUR_SOURCES, 162_004_129),
    ],
)
def test_paper_size_has_the_papers_parameters(architecture, sources, n_parameters):
    config = ModelConfig(sources=sources, unet=UNetConfig(architecture=architecture))
    assert cost(config).parameters == n_parameters


def test_multiply_adds_are_those_of_the_convolutions():
    config = _small()
    counted = cost(config).multiply_adds
    width, total, size, below = 4, 0, 256 * 256, 1
    for level in range(5):
        filters = width * 2**level
        total += 9 * size // 4**level * (below * filters + filters**2)
        below = filters
    for level in range(4):
        filters = width * 2**level
        total += 4 * (size // 4 ** (level + 1)) * 2 * filters * filters
        total += 9 * (size // 4**level) * (2 * filters * filters + filters**2)
    assert counted == total + size * width * 2


@pytest.mark.parametrize("architecture", ["munet", "dedicated", "cunet"])
def test_names_and_shapes_of_all_weights_are_the_golden_ones(architecture):
    sources = ("vocals",) if architecture == "dedicated" else FOUR_SOURCES
    network = build_network(_small(architecture, sources))
    found = {weight.path: list(weight.shape) for weight in network.weights}
    assert found == json.loads(GOLDEN.read_text())[architecture]


SETTINGS = (
    *("filters", "kernel_size", "strides", "padding", "use_bias", "activation"),
    *("units", "momentum", "epsilon", "axis", "center", "scale", "rate"),
    *("negative_slope", "max_value", "threshold", "pool_size", "start"),
)
"""What a layer computes with, and all that the golden list has of it."""


def _keras_histories(value):
    """Names of the layers that a layer's inputs come from, in order."""
    if isinstance(value, dict):
        if "keras_history" in value:
            yield value["keras_history"][0]
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _keras_histories(item)


def _layers(network):
    """One line per layer: kind, settings, initial values, and what it follows."""
    found = {}
    for layer in network.get_config()["layers"]:
        config = layer["config"]
        settings = {name: config[name] for name in SETTINGS if name in config}
        starts = {
            name.removesuffix("_initializer"): initial["class_name"]
            for name, initial in config.items()
            if name.endswith("_initializer") and isinstance(initial, dict)
        }
        after = list(_keras_histories(layer["inbound_nodes"]))
        found[layer["name"]] = [layer["class_name"], settings, starts, after]
    return json.loads(json.dumps(found))


@pytest.mark.parametrize("architecture", ["munet", "dedicated", "cunet"])
def test_layers_their_settings_and_their_places_are_the_golden_ones(architecture):
    """Which weights alone do not tell: momentum, slopes, rates, what follows what."""
    sources = ("vocals",) if architecture == "dedicated" else FOUR_SOURCES
    unet = UNetConfig(architecture, width=4, depth=2)
    network = build_network(ModelConfig(sources=sources, unet=unet))
    golden = json.loads(GOLDEN.with_name("layers.json").read_text())[architecture]
    found = _layers(network)
    assert set(found) == set(golden)
    for name, layer in golden.items():
        assert found[name] == layer, name
    assert network.output.dtype == "float32"


@pytest.mark.parametrize("n_frames", [64, 128, 320])
def test_chunks_of_any_multiple_of_64_frames_work(rng, n_frames):
    stft = STFTConfig(n_frames=n_frames)
    config = ModelConfig(stft=stft, unet=UNetConfig(width=2))
    model = separator_model(build_network(config), config)
    waveform = rng.standard_normal((1, stft.chunk_length)).astype(np.float32)
    outputs = model(waveform)
    assert outputs["masks"].shape == (1, 512, n_frames, 2)
    assert outputs["vocals"].shape == waveform.shape


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stft": STFTConfig(n_frames=100)}, r"`n_frames` must be a multiple of 2\*\*"),
        ({"stft": STFTConfig(n_rows=100)}, r"`n_rows` must be a multiple of 2\*\*"),
        ({"sources": ()}, "`sources` must be different names"),
        ({"sources": ("a", "a")}, "`sources` must be different names"),
        ({"sources": ("mixture",)}, "reserved name 'mixture'"),
        ({"unet": UNetConfig(architecture="dedicated")}, "has one source"),
    ],
)
def test_a_config_no_network_can_have_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig(**settings)


def test_masks_of_one_give_the_waveform_back(rng):
    config = _small()
    network = build_network(config)
    last = network.get_layer("masks_conv")
    last.set_weights([np.zeros_like(last.kernel), np.ones_like(last.bias)])
    waveform = 0.1 * rng.standard_normal((2, 65_280)).astype(np.float32)
    outputs = separator_model(network, config)(waveform)
    for source in TWO_SOURCES:
        np.testing.assert_allclose(np.array(outputs[source]), waveform, atol=2e-5)


def test_with_a_relative_level_masks_do_not_depend_on_the_volume(rng):
    config = dataclasses.replace(_small(), relative_level=True)
    network = build_network(config)
    waveform = 0.1 * rng.standard_normal((2, 65_280)).astype(np.float32)
    waveform[1] *= np.linspace(0, 1, 65_280, dtype=np.float32)
    separator = separator_model(network, config)
    plain = separator_model(network, _small())
    loud, quiet = separator(waveform), separator(0.01 * waveform)
    np.testing.assert_allclose(loud["masks"], quiet["masks"], atol=1e-4)
    np.testing.assert_allclose(0.01 * loud["vocals"], quiet["vocals"], atol=1e-6)
    moved = plain(waveform)["masks"] - plain(0.01 * waveform)["masks"]
    assert np.abs(moved).max() > 1e-2
    assert np.isfinite(separator(0 * waveform)["vocals"]).all()


def test_a_config_without_a_floor_is_the_released_versions():
    values = _small().to_dict()
    values.pop("floor_db")
    config = ModelConfig.from_dict(values)
    assert config.floor_db is None
    warped = np.float32([[[0.0, 1e-12, 1.0, 300.0]]])
    wanted = np.log(warped + np.float32(2.2e-16))
    features = np.array(log_features(warped, config))
    np.testing.assert_allclose(features, wanted, rtol=1e-6)


@pytest.mark.parametrize("relative", [False, True])
def test_nothing_below_the_floor_is_heard(rng, relative):
    plain = dataclasses.replace(_small(), relative_level=relative)
    config = dataclasses.replace(plain, floor_db=-80.0)
    network = build_network(config)
    waveform = 0.3 * rng.standard_normal((1, 65_280)).astype(np.float32)
    waveform[:, 20_000:40_000] = 0
    hiss = 1e-7 * rng.standard_normal(waveform.shape).astype(np.float32)
    moved = {}
    for known in (plain, config):
        separator = separator_model(network, known)
        clean, noisy = separator(waveform)["masks"], separator(waveform + hiss)["masks"]
        moved[known] = np.abs(np.array(clean - noisy)).max()
    assert moved[config] < 1e-3 < 0.1 < moved[plain]


def test_the_floor_is_a_level_of_a_full_scale_sine():
    config = dataclasses.replace(_small(), floor_db=-60.0)
    stft = config.stft
    n = np.arange(stft.chunk_length)
    for level_db, heard in ((-59, True), (-61, False)):
        sine = 10 ** (level_db / 20) * np.sin(2 * np.pi * 64 * n / stft.n_fft)
        spectrum = STFTMagnitude(stft.n_fft, stft.hop_length)(
            np.float32(sine)[None, :, None]
        )
        features = np.array(log_features(spectrum, config))
        assert (features.max() > features.min()) == heard


def test_the_last_bias_starts_where_the_config_says():
    bias = build_network(_small()).get_layer("masks_conv").bias
    np.testing.assert_allclose(np.array(bias), 0.5)


def test_cunet_gives_each_source_its_own_mask(rng):
    config = _small("cunet", FOUR_SOURCES)
    network = build_network(config)
    rng = np.random.default_rng(1)
    for weight in network.weights:
        if weight.path.endswith(("kernel", "beta")):
            weight.assign(weight + 0.2 * rng.standard_normal(weight.shape))
    waveform = rng.standard_normal((1, 65_280)).astype(np.float32)
    masks = np.array(separator_model(network, config)(waveform)["masks"])
    differences = [np.abs(masks[..., 0] - masks[..., k]).max() for k in (1, 2, 3)]
    assert min(differences) > 1e-3


@pytest.mark.parametrize("architecture", ["munet", "cunet"])
def test_a_saved_model_is_the_same_model(architecture, rng, tmp_path):
    config = _small(architecture)
    network = build_network(config)
    save_model(network, config, tmp_path / "model.keras")
    loaded, loaded_config = load_model(tmp_path / "model.keras")
    assert loaded_config == config
    waveform = rng.standard_normal((1, 65_280)).astype(np.float32)
    np.testing.assert_array_equal(
        np.array(separator_model(network, config)(waveform)["masks"]),
        np.array(separator_model(loaded, config)(waveform)["masks"]),
    )
    assert [p.name for p in tmp_path.iterdir()] == ["model.keras"]


def test_keras_alone_can_load_the_network(tmp_path):
    config = _small()
    save_model(build_network(config), config, tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert "keras_munet" not in archive.read("config.json").decode()
    assert isinstance(keras.models.load_model(tmp_path / "model.keras"), keras.Model)


def test_keras_needs_one_layer_of_ours_for_a_cunet(tmp_path):
    """As docs/train.md says: Keras knows it once `keras_munet.models` is imported."""
    config = _small("cunet")
    save_model(build_network(config), config, tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        text = archive.read("config.json").decode()
    ours = {
        layer["registered_name"]
        for layer in json.loads(text)["config"]["layers"]
        if not layer["module"].startswith("keras.")
    }
    assert ours == {"keras_munet>FiLM"}
    code = "import keras, sys, keras_munet.models; keras.models.load_model(sys.argv[1])"
    words = [sys.executable, "-c", code, str(tmp_path / "model.keras")]
    assert subprocess.run(words, capture_output=True).returncode == 0


def _damage(path, member, change):
    """Writes a `.keras` file again with one of its members changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, change(data) if name == member else data)


@pytest.mark.parametrize(
    ("member", "change"),
    [
        ("config.json", lambda data: b"{}"),
        ("config.json", lambda data: b"[]"),
        ("config.json", lambda data: b"null"),
        ("config.json", lambda data: data.replace(b"Conv2D", b"Conv9D")),
        ("config.json", lambda data: data.replace(b'"filters"', b'"filterz"')),
        ("config.json", lambda data: data.replace(b'"layers"', b'"players"')),
        ("config.json", lambda data: data.replace(b"keras.layers", b"no.layers")),
        ("config.json", lambda data: data.replace(b'"kernel_size": [3', b'"x": [3')),
        ("model.weights.h5", lambda data: data[:1000]),
        ("model.weights.h5", lambda data: b""),
        ("munet.json", lambda data: b"\xff\xfe"),
        ("munet.json", lambda data: b'{"stft": {"n_fft": 1022.0}}'),
    ],
)
def test_a_damaged_model_file_is_named_whatever_keras_raises(tmp_path, member, change):
    path = tmp_path / "model.keras"
    save_model(build_network(_small()), _small(), path)
    _damage(path, member, change)
    with pytest.raises(ModelError, match=r"model\.keras (is damaged|holds settings)"):
        load_model(path)


def test_files_that_are_no_model_are_refused(tmp_path):
    with pytest.raises(ModelError, match="No model file at"):
        load_model(tmp_path / "none.keras")
    text = tmp_path / "text.keras"
    text.write_text("hello")
    with pytest.raises(ModelError, match=r"not a \.keras file, or it is damaged"):
        load_model(text)
    foreign = tmp_path / "foreign.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(foreign)
    with pytest.raises(ModelError, match="none of keras-munet"):
        load_model(foreign)
