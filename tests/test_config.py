"""Settings: JSON round trips and refusals."""

import dataclasses
import json

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
        ('{"model": {"sources": "vocals"}}', "`sources` must be a list"),
        ('{"model": 3}', "`model` must be an object"),
        ('{"model": {"stft": {"n_fft": 1021}}}', "`n_fft` must be even"),
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
    with pytest.raises(MunetError, match="`width` must be positive"):
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
