import json
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from separation_tools import music, tiny_models, tiny_network

from keras_munet.errors import ModelError
from keras_munet.separation.runtime import Ensemble, open_runtime
from keras_munet.separation.separator import Separator

KINDS = ("keras", "tflite", "saved_model", "run")
TOLERANCE = 5e-5
"""Of masks below 1: other orders of summing, and XNNPACK's fused arithmetic."""


@pytest.fixture(scope="module")
def models():
    return tiny_models()


@pytest.fixture(scope="module")
def runtimes(models):
    return {kind: open_runtime(getattr(models, kind)) for kind in KINDS}


@pytest.fixture(scope="module")
def windows(runtimes):
    length = runtimes["keras"].config.stft.chunk_length
    loud = music(13, 10880, 1)[: 2 * length, 0].reshape(2, length)
    return np.concatenate([loud, 1e-4 * loud[:1], np.zeros((1, length), np.float32)])


def test_the_path_decides_what_runs(runtimes):
    names = {kind: runtime.name for kind, runtime in runtimes.items()}
    assert names == {
        "keras": "keras",
        "tflite": "litert",
        "saved_model": "saved_model",
        "run": "litert",
    }
    configs = {runtime.config.to_json() for runtime in runtimes.values()}
    assert len(configs) == 1


def test_all_runtimes_agree(runtimes, windows):
    expected = runtimes["keras"].masks(windows)
    assert expected.shape == (4, 512, 256, 2) and expected.dtype == np.float32
    assert expected[:2].std() > 1e-2  # these masks say something
    for runtime in runtimes.values():
        np.testing.assert_allclose(runtime.masks(windows), expected, atol=TOLERANCE)


def test_stems_of_all_runtimes_agree(runtimes):
    audio = music(9.3, 22050)
    expected = Separator(runtimes["keras"]).separate(audio, 22050)
    for kind in ("tflite", "saved_model"):
        stems = Separator(runtimes[kind], batch=2).separate(audio, 22050)
        for name, stem in stems.items():
            # Normalising small masks magnifies their differences.
            np.testing.assert_allclose(stem, expected[name], atol=1e-4)


def test_one_chunk_in_the_models_band_is_the_papers_separation(runtimes):
    from keras_munet.models import separator_model

    network, config = tiny_network()
    chunk = music(6, config.stft.sample_rate, 1)
    assert len(chunk) == config.stft.chunk_length
    expected = separator_model(network, config)(chunk.T)
    separator = Separator(runtimes["keras"], band="model", masks="raw")
    for name, stem in separator.separate(chunk, config.stft.sample_rate).items():
        np.testing.assert_allclose(stem[:, 0], expected[name][0], atol=1e-5)


@pytest.mark.parametrize("level", [1.0, 10 ** (-90 / 20), 0.0])
def test_a_real_network_on_loud_faint_and_no_sound(runtimes, level):
    audio = music(7, 44100) * np.float32(level)
    stems = Separator(runtimes["tflite"]).separate(audio, 44100)
    np.testing.assert_allclose(sum(stems.values()), audio, atol=1e-6)
    assert all(np.abs(s).max() <= 1.5 * level for s in stems.values())


def test_a_real_network_on_hard_signals(runtimes):
    impulse = np.zeros((44100, 2), np.float32)
    impulse[0] = impulse[-1] = 1
    clipped = np.clip(5 * music(2, 44100), -1, 1)
    offset = music(2, 44100) * np.float32(0.2) + np.float32(0.5)
    for audio in (impulse, clipped, offset):
        stems = Separator(runtimes["tflite"]).separate(audio, 44100)
        assert all(np.isfinite(stem).all() for stem in stems.values())
        np.testing.assert_allclose(sum(stems.values()), audio, atol=1e-6)


def test_no_tensorflow_where_the_model_is_a_tflite(models, tmp_path):
    import soundfile

    soundfile.write(tmp_path / "a.wav", music(2, 44100), 44100)
    program = f"""
        import sys
        from keras_munet.cli.main import main
        words = ["separate", {str(tmp_path / "a.wav")!r}, "--plot", "--quiet"]
        words += ["--model", {str(models.run)!r}, "--out", {str(tmp_path / "out")!r}]
        try:
            main(words)
        except SystemExit as stop:
            heavy = {{"tensorflow", "keras", "torch"}} & set(sys.modules)
            sys.exit(stop.code or sorted(heavy) or 0)
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 3


def test_a_folder_of_one_source_networks(tmp_path, windows):
    from keras_munet.models import save_model

    singles = {}
    for seed, name in enumerate(("vocals", "drums")):
        network, config = tiny_network((name,), seed, depth=1)
        save_model(network, config, tmp_path / f"{name}.keras")
        singles[name] = open_runtime(tmp_path / f"{name}.keras").masks(windows)
    models = {name: f"{name}.keras" for name in singles}
    (tmp_path / "ensemble.json").write_text(json.dumps({"models": models}))
    runtime = open_runtime(tmp_path)
    assert isinstance(runtime, Ensemble)
    assert runtime.config.sources == ("vocals", "drums")
    expected = np.concatenate(list(singles.values()), axis=-1)
    np.testing.assert_array_equal(runtime.masks(windows), expected)

    models = {"vocals": "vocals.keras", "again": "vocals.keras"}
    (tmp_path / "ensemble.json").write_text(json.dumps({"models": models}))
    with pytest.raises(ModelError, match="the same source: vocals, vocals"):
        open_runtime(tmp_path)


def _half(source, path):
    path.write_bytes(source.read_bytes()[: source.stat().st_size // 2])


def test_models_that_are_damaged(models, tmp_path):
    for source, message in (
        (models.keras, "damaged"),
        (models.tflite, "damaged"),
    ):
        _half(source, tmp_path / source.name)
        with pytest.raises(ModelError, match=message) as caught:
            open_runtime(tmp_path / source.name)
        assert str(tmp_path / source.name) in str(caught.value)
    shutil.copytree(models.saved_model, tmp_path / "saved")
    _half(models.saved_model / "saved_model.pb", tmp_path / "saved/saved_model.pb")
    with pytest.raises(ModelError, match="saved cannot be loaded"):
        open_runtime(tmp_path / "saved")
    (tmp_path / "saved/assets/model_card.json").write_text("{")
    with pytest.raises(ModelError, match="saved is damaged: assets"):
        open_runtime(tmp_path / "saved")


def _foreign_keras(path):
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save(path)


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("m.keras", lambda path: None, "No model at .*m.keras"),
        ("m.keras", lambda path: path.touch(), "no model file .empty."),
        ("m.tflite", lambda path: path.write_text("hello" * 9), "unknown contents"),
        ("m", lambda path: path.mkdir(), "m holds no model: no model.keras"),
        ("m.keras", _foreign_keras, "none of keras-munet"),
    ],
)
def test_what_is_no_model_is_named(tmp_path, name, make, message):
    make(tmp_path / name)
    with pytest.raises(ModelError, match=message):
        open_runtime(tmp_path / name)


def test_an_ensemble_that_cannot_be_read(tmp_path):
    (tmp_path / "ensemble.json").write_text('{"models": {}}')
    with pytest.raises(ModelError, match="names no models"):
        open_runtime(tmp_path)
    (tmp_path / "ensemble.json").write_text("[]")
    with pytest.raises(ModelError, match="must be a JSON object like"):
        open_runtime(tmp_path)


def test_a_device_that_is_not_there(models):
    with pytest.raises(ModelError, match=r"no device 'gpu:7' here. Devices: cpu:0"):
        open_runtime(models.run, device="gpu:7")
    with pytest.raises(ModelError, match=r"\.tflite runs on the cpu"):
        open_runtime(models.tflite, device="gpu")
    assert open_runtime(models.keras, device="cpu").name == "keras"
