"""`fit`, `cost` and `doctor` on the command line."""

import json
import subprocess
import sys

import pytest
from training_tools import quick, small_cache

from keras_munet.artefact.card import weights_sha256
from keras_munet.artefact.tflite import read_card
from keras_munet.cli.fit import _base_config
from keras_munet.config import FitConfig
from keras_munet.errors import MunetError
from keras_munet.models import load_model
from keras_munet.presets import preset
from keras_munet.training.run_folder import RunFolder, as_begun


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return small_cache(tmp_path_factory.mktemp("cache")).folder


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / "quick.json"
    path.write_text(quick(epochs=1).to_json())
    return path


def test_a_run_says_where_its_model_is_and_leaves_both_formats(
    cache, config_file, run, tmp_path
):
    folder = tmp_path / "a run"
    code, out, err = run(
        *("fit", cache, "--run", folder, "--config", config_file),
        *("--weighting", "oh", "--seed", 3, "--normalize", "--width", 3, "--depth", 1),
    )
    assert code == 0, err
    assert out.startswith("Finished: all 1 epochs done. Best validation sum")
    assert str(folder / "model.keras") in out
    assert "epoch 1/1" in err
    assert (folder / "model.tflite").stat().st_size > 10_000
    config = FitConfig.from_file(folder / "config.json")
    assert (config.weighting, config.seed, config.normalize) == ("oh", 3, True)
    assert (config.model.unet.width, config.model.unet.depth) == (3, 1)

    code, out, _ = run(
        *("fit", cache, "--run", folder, "--config", config_file),
        *("--weighting", "oh", "--seed", 3, "--normalize", "--width", 3, "--depth", 1),
    )
    assert (code, out.split(":")[0]) == (0, "Finished before")


def test_an_option_of_zero_or_no_wins_over_the_config(cache, run, tmp_path):
    path = tmp_path / "other.json"
    settings = quick(epochs=1, clip_norm=5.0, seed=3, keep_silent=True)
    path.write_text(settings.to_json())
    folder = tmp_path / "run"
    code, _, err = run(
        *("fit", cache, "--run", folder, "--config", path, "--no-tflite"),
        *("--clip-norm", 0, "--seed", 0, "--no-keep-silent"),
    )
    assert code == 0, err
    config = FitConfig.from_file(folder / "config.json")
    assert (config.clip_norm, config.seed, config.keep_silent) == (0, 0, False)


@pytest.mark.parametrize("n_sources", [1, 2, 3, 4])
def test_a_preset_that_is_named_wins_whatever_the_number_of_sources(n_sources):
    assert _base_config("tiny-4src", None, n_sources, None) == preset("tiny-4src")
    own = f"mobile-{n_sources}src" if n_sources in (2, 4) else "mobile-2src"
    assert _base_config(None, None, n_sources, None) == preset(own)
    named = _base_config("paper-2src", None, n_sources, "ebw-p2")
    assert (named.weighting, named.learning_rate) == ("ebw-p2", 0.001)


def test_a_run_that_goes_on_leaves_no_tflite_of_an_older_network(
    cache, config_file, run, tmp_path
):
    folder = tmp_path / "run"
    for n_epochs in (1, 2):
        code, _, err = run(
            *("fit", cache, "--run", folder, "--config", config_file),
            *("--epochs", n_epochs),
        )
        assert code == 0, err
    network, _ = load_model(folder / "model.keras")
    card = read_card(folder / "model.tflite")
    assert card["weights_sha256"] == weights_sha256(network)


def test_quiet_says_nothing(cache, config_file, run, tmp_path):
    arguments = ("--config", config_file, "--no-tflite", "--quiet")
    code, out, err = run("fit", cache, "--run", tmp_path / "run", *arguments)
    assert (code, out, err) == (0, "", "")


@pytest.mark.slow
def test_dedicated_networks_make_one_model_folder(cache, run, tmp_path):
    path = tmp_path / "quick.json"
    path.write_text(quick("dedicated", epochs=1, weighting="unit").to_json())
    folder = tmp_path / "run"
    code, _, err = run(
        *("fit", cache, "--run", folder, "--config", path, "--all-sources"),
    )
    assert code == 0, err
    models = json.loads((folder / "ensemble.json").read_text())["models"]
    assert list(models) == ["vocals", "accompaniment"]
    for source, name in models.items():
        config = FitConfig.from_file(folder / name / "config.json")
        assert config.model.sources == (source,)
        assert config.model.unet.architecture == "dedicated"


@pytest.mark.slow
def test_xla_trains_to_about_the_same_loss(cache, config_file, run, tmp_path):
    plain, compiled = tmp_path / "plain", tmp_path / "compiled"
    arguments = ("--config", config_file, "--no-tflite", "--no-deterministic")
    for folder, extra in ((plain, ()), (compiled, ("--jit",))):
        command = ("fit", cache, "--run", folder, *arguments, *extra)
        words = [sys.executable, "-m", "keras_munet.cli.main", *map(str, command)]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "Proceeding with `jit_compile=False`" not in done.stderr
    losses = []
    for folder in (plain, compiled):
        state = json.loads((folder / "state" / "state.json").read_text())
        losses.append(state["history"][0]["val_loss"])
    assert losses[1] == pytest.approx(losses[0], rel=0.1)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--preset", "huge"), 1, "Unknown preset 'huge'. Presets: paper-2src"),
        (("--weighting", "pcgrad"), 2, "'pcgrad' is not one of 'unit', 'dwa'"),
        (("--source", "theremin"), 1, "'theremin' is no source of this cache"),
        (("--architecture", "dedicated"), 2, "needs --source NAME"),
        (("--width", "-3"), 2, "`width` must be positive"),
        (("--width", "0"), 2, "`width` must be positive"),
        (("--depth", "0"), 2, "`depth` must be positive"),
        (("--epochs", "0"), 2, "`epochs` must be positive"),
        (("--augment", "pitch"), 2, "`augment` must be one of gain"),
        (("--all-sources", "--weighting", "oh"), 2, "`weighting` must be unit"),
        (("--source", "vocals", "--weighting", "dwa"), 2, "`weighting` must be unit"),
        (("--architecture", "cunet", "--weighting", "dwa"), 2, "must be unit for a C"),
        (("--jit",), 2, "XLA has no deterministic operators"),
        (("--sources", "drums"), 1, "'drums' is no source of this cache"),
        (("--batch-size", "1000"), 1, "batch of 1000 is larger than the training"),
        (("--preset", "tiny-2src", "--config", "x"), 2, "not both"),
        (("--config", "missing.json"), 1, "Cannot read settings from missing.json"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_trained(
    cache, run, tmp_path, arguments, code, message
):
    result = run("fit", cache, "--run", tmp_path / "run", *arguments)
    assert (result.code, result.out) == (code, "")
    assert message in " ".join(result.err.split())
    assert not (tmp_path / "run" / "model.keras").exists()


def test_chunks_that_the_network_cannot_halve_are_refused(cache, run, tmp_path):
    path = tmp_path / "deep.json"
    config = quick().to_dict()
    config["model"]["unet"]["depth"] = 7
    config["model"]["stft"]["n_frames"] = 128
    path.write_text(json.dumps(config))
    code, _, err = run("fit", cache, "--run", tmp_path / "run", "--config", path)
    assert code == 2
    assert "`n_frames` must be a multiple of 2**depth = 128" in " ".join(err.split())


def test_cost_prints_table_one_as_json(run):
    code, out, _ = run("cost", "--width", 2, "--json")
    rows = {(row["model"], row["sources"]): row for row in json.loads(out)}
    assert code == 0
    assert rows["M-U-Net", 4]["iterations"] == 1
    assert rows["C-U-Net", 4]["iterations"] == 6
    dedicated, munet = rows["Dedicated U-Nets (x4)", 4], rows["M-U-Net", 4]
    assert dedicated["iterations"] == 4
    assert dedicated["multiply_adds"] == pytest.approx(
        4 * munet["multiply_adds"], rel=0.05
    )


def test_doctor_runs_a_convolution_and_lists_the_parts(run):
    code, out, _ = run("doctor")
    assert code == 0
    assert "Devices, by tensorflow (KERAS_BACKEND" in out
    assert "CPU:0: convolution works" in out
    assert "LiteRT: works" in out
    assert "pip install 'keras-munet[" in out or "torch" in out


def test_a_run_of_an_earlier_version_goes_on_without_newer_settings(tmp_path):
    config = preset("tiny-2src")
    values = config.to_dict()
    values["model"].pop("floor_db")  # as the version before wrote it
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(MunetError, match="floor_db: None, not -96"):
        RunFolder(tmp_path).claim(config)
    begun = as_begun(config, tmp_path)
    RunFolder(tmp_path).claim(begun)
    assert begun.model.floor_db is None
    assert as_begun(config, tmp_path / "new") == config
