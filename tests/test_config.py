"""Settings: JSON round trips and refusals."""

import dataclasses
import json
import math

import pytest

from keras_munet.config import (
    TWO_SOURCES,
    DataConfig,
    FitConfig,
    ModelConfig,
    STFTConfig,
    UNetConfig,
)
from keras_munet.errors import MunetError
from keras_munet.presets import PRESETS, preset
from keras_munet.training.dedicated import dedicated_configs


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_survives_json(name):
    config = preset(name)
    assert FitConfig.from_json(config.to_json()) == config


def test_data_config_survives_json():
    config = DataConfig(stem_names=(("vocals", "lead_vox"),), silence_energy=0.5)
    assert DataConfig.from_json(config.to_json()) == config


def test_paper_presets_are_the_papers():
    config = preset("paper-4src")
    assert (config.optimizer, config.learning_rate, config.momentum) == (
        "sgd",
        0.01,
        0.9,
    )
    assert (config.batch_size, config.plateau_patience, config.stop_patience) == (
        16,
        7,
        60,
    )
    assert config.model.unet == UNetConfig("munet", 32, 6, 0.1, 0.0)
    assert not config.augment
    assert config.model.stft.chunk_length == 65_280
    assert config.model.floor_db is None


@pytest.mark.parametrize("name", [n for n in PRESETS if not n.startswith("paper")])
def test_other_presets_start_with_live_masks(name):
    assert preset(name).model.unet.output_bias > 0


@pytest.mark.parametrize("name", [n for n in PRESETS if not n.startswith("paper")])
def test_other_presets_do_not_hear_what_16_bit_cannot_hold(name):
    assert preset(name).model.floor_db == -96


def test_a_floor_above_full_scale_is_refused():
    with pytest.raises(ValueError, match=r"must be negative, such as -96.*floor_db=96"):
        ModelConfig(floor_db=96.0)


def test_missing_keys_take_the_defaults():
    assert FitConfig.from_json("{}") == FitConfig()


ONE_LOSS = [
    ModelConfig(sources=("vocals",), unet=UNetConfig("dedicated")),
    ModelConfig(sources=("vocals",)),
    ModelConfig(unet=UNetConfig("cunet")),
]


@pytest.mark.parametrize("model", ONE_LOSS, ids=str)
def test_one_loss_has_no_weighting_and_the_config_says_so(model):
    config = FitConfig(model=model)
    assert config.weighting == "unit"
    assert FitConfig.from_json(config.to_json()) == config
    with pytest.raises(ValueError, match="nothing to be weighted against"):
        FitConfig(model=model, weighting="dwa")
    with pytest.raises(MunetError, match="`weighting` must be unit"):
        FitConfig.from_dict({"model": model.to_dict(), "weighting": "ebw-p1"})


def test_dedicated_configs_are_unweighted():
    for source, config in dedicated_configs(FitConfig(), TWO_SOURCES).items():
        assert (config.model.sources, config.weighting) == ((source,), "unit")


ALL = [
    (kind, field)
    for kind in (STFTConfig, UNetConfig, ModelConfig, DataConfig, FitConfig)
    for field in dataclasses.fields(kind)
]
ANY_SIGN = {"output_bias"}
"""Numbers that may be negative."""


@pytest.mark.parametrize(("kind", "field"), ALL, ids=lambda x: getattr(x, "name", ""))
def test_every_field_refuses_values_of_other_kinds(kind, field):
    """In constructors and in JSON, by its name."""
    default = getattr(kind(), field.name)
    wrong = ["x", b"x", [1], ["a", 1], [["a"]], {"x": 1}, 2.5, 3, True, None, math.nan]
    wrong += [1022.0, math.inf, -1e9, -3, (("a",),), object()]
    right = {
        bool: {True},
        float: {2.5, 3, 1022.0, -1e9, -3},
        int: {3, -3},
        str: {"x"},
        type(None): {2.5, 3, 1022.0, -1e9, -3, None},
    }.get(type(default), set())
    for value in wrong:
        allowed = any(type(value) is type(r) and value == r for r in right)
        if not allowed:
            with pytest.raises(TypeError, match=f"`{field.name}` must be"):
                kind(**{field.name: value})


@pytest.mark.parametrize(("kind", "field"), ALL, ids=lambda x: getattr(x, "name", ""))
def test_every_number_has_a_range(kind, field):
    default = getattr(kind(), field.name)
    if type(default) in (int, float) and field.name not in ANY_SIGN:
        with pytest.raises(ValueError, match=f"`{field.name}` must"):
            kind(**{field.name: type(default)(-1)})


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (FitConfig, {"batch_size": 2.5}, "`batch_size` must be int. Received: batch"),
        (FitConfig, {"momentum": 7}, r"`momentum` must lie in \[0, 1\)"),
        (FitConfig, {"momentum": 1.0}, r"`momentum` must lie in \[0, 1\)"),
        (FitConfig, {"plateau_threshold": -1}, "`plateau_threshold` must lie in"),
        (FitConfig, {"augment": ("gain", "gain")}, "each augmentation once"),
        (FitConfig, {"learning_rate": math.inf}, "`learning_rate` must be a finite"),
        (FitConfig, {"seed": -1}, "`seed` must not be negative"),
        (STFTConfig, {"n_fft": 1022.0}, r"must be int. Received: n_fft=1022\.0"),
        (DataConfig, {"stem_names": (("a",),)}, r"a list of \(str, str\)"),
        (DataConfig, {"silence_energy": -1}, "`silence_energy` must not be negative"),
        (
            ModelConfig,
            {"sources": ("a", 3)},
            r"`sources` must be a list of str\. Received",
        ),
        (ModelConfig, {"unet": {"width": 4}}, "`unet` must be UNetConfig"),
        (ModelConfig, {"floor_db": "low"}, "`floor_db` must be a finite number or N"),
    ],
)
def test_constructors_refuse_what_they_cannot_use(kind, settings, message):
    with pytest.raises((TypeError, ValueError), match=message):
        kind(**settings)


def test_lists_become_tuples():
    assert ModelConfig(sources=["vocals"]) == ModelConfig(sources=("vocals",))
    config = DataConfig(stem_names=[["vocals", "lead_vox"]])
    assert config.stem_names == (("vocals", "lead_vox"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "not valid JSON"),
        ("[1]", "must be a JSON object"),
        ('{"epoch": 3}', "Unknown setting epoch in FitConfig"),
        ('{"epochs": "3"}', "`epochs` must be int"),
        ('{"epochs": true}', "`epochs` must be int"),
        ('{"epochs": 0}', "`epochs` must be positive. Received: epochs=0"),
        ('{"weighting": "pcgrad"}', "`weighting` must be one of unit, dwa"),
        ('{"augment": ["pitch"]}', "`augment` must be one of gain"),
        ('{"model": {"sources": "vocals"}}', "`model.sources` must be a list of str"),
        ('{"model": 3}', "`model` must be an object"),
        ('{"model": {"stft": {"n_fft": 1021}}}', "`model.stft.n_fft` must be even"),
        ('{"model": {"stft": {"n_fft": 1e3}}}', "`model.stft.n_fft` must be int"),
        ('{"model": {"stft": 3}}', "`model.stft` must be an object"),
        ('{"model": {"stft": {"fft": 3}}}', "Unknown setting model.stft.fft in STFT"),
        ('{"model": {"sources": ["a", 3]}}', "`model.sources` must be a list of str"),
        ('{"learning_rate": NaN}', "`learning_rate` must be a finite number"),
    ],
)
def test_wrong_settings_say_what_is_wrong(text, message):
    with pytest.raises(MunetError, match=message.replace("[", r"\[")):
        FitConfig.from_json(text)


def test_an_unreadable_file_is_named(tmp_path):
    path = tmp_path / "config.json"
    with pytest.raises(MunetError, match=r"Cannot read settings from .*config\.json"):
        FitConfig.from_file(path)
    path.write_text(json.dumps({"model": {"unet": {"width": 0}}}))
    with pytest.raises(MunetError, match=r"`model\.unet\.width` must be positive"):
        FitConfig.from_file(path)


def test_an_unknown_preset_lists_the_known_ones():
    with pytest.raises(
        MunetError, match=r"Unknown preset 'huge'\. Presets: paper-2src"
    ):
        preset("huge")


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        STFTConfig().n_fft = 3
    assert ModelConfig().stft.n_bins == 512
