import json

import export_tools as tools
import numpy as np
import pytest
import soundfile

from keras_munet.errors import ExportError
from keras_munet.export.opened import open_artefact
from keras_munet.export.signals import cut, edge_signals, music_sources
from keras_munet.export.trained import Trained, load_trained
from keras_munet.export.verify import (
    TOLERANCES,
    Parity,
    Tolerance,
    snr_db,
    verify,
)
from keras_munet.models import build_network, save_model, separator_model


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    (folder / "model.keras").write_bytes(tools.keras_file().read_bytes())
    return folder


def test_tflite_prints_size_operators_speed_and_parity(run, run_folder, tmp_path):
    out = tmp_path / "m.tflite"
    done = run("export", "tflite", run_folder, out, "--licence", "CC0")
    assert done.code == 0, done.err
    assert f"{out}: {out.stat().st_size / 1e6:.1f} MB" in done.out
    assert "Operators (all builtin): ADD" in done.out
    assert "Real-time factor 0." in done.out
    assert all(f"\n{source} " in done.out for source in tools.CONFIG.sources)
    assert [p.name for p in tmp_path.iterdir()] == ["m.tflite"]


def test_saved_model_and_verify(run, run_folder, tmp_path):
    out = tmp_path / "saved"
    done = run("export", "saved-model", run_folder, out, "--training-data", "none")
    assert done.code == 0, done.err
    card = json.loads((out / "assets" / "model_card.json").read_text())
    assert card["training_data"] == "none"
    done = run("export", "verify", out, "--model", run_folder, "--json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert report["kind"] == "saved_model"
    assert report["failures"] == []
    assert [p["source"] for p in report["parities"]] == list(tools.CONFIG.sources)
    assert all(p["max_abs_error"] <= 1e-5 for p in report["parities"])
    again = run("export", "saved-model", run_folder, out)
    assert again.code == 1
    assert "exists already" in again.err


def test_serving(run, run_folder, tmp_path):
    done = run("export", "serving", run_folder, tmp_path, "--name", "munet")
    assert done.code == 0, done.err
    assert "munet/1: published" in done.out
    done = run("export", "serving", run_folder, tmp_path, "--name", "x y")
    assert (done.code, "small letters" in done.err) == (1, True)
    done = run(
        *("export", "serving", run_folder, tmp_path, "--name", "munet"),
        *("--version", 1),
    )
    assert (done.code, "Published versions are never changed" in done.err) == (1, True)


def test_verify_on_a_file(run, run_folder, tmp_path):
    # Quiet: the random network's errors grow with the level; no limit is near.
    soundfile.write(tmp_path / "a.wav", 0.2 * tools.mixture()[:50_000], 16000)
    done = run(
        *("export", "verify", tools.tflite_file(), "--model", run_folder),
        *("--audio", tmp_path / "a.wav"),
    )
    assert done.code == 0, done.err
    assert "max abs error" in done.out
    assert done.out.count(" -\n") == 2  # no true sources, no SDR


@pytest.mark.parametrize("scheme", [None, "float16", "int8"])
def test_a_trained_network_keeps_what_is_promised(scheme):
    report = verify(tools.tflite_file("trained", scheme), tools.trained(), threads=2)
    assert report.kind == (scheme or "float32")
    assert report.failures == []
    assert all(p.sdr_change_db is not None for p in report.parities)
    assert report.seconds > 0


def test_beyond_the_tolerance_verify_fails(monkeypatch):
    monkeypatch.setattr("keras_munet.export.verify.NOISE_FLOOR_DB", -300.0)
    report = verify(
        tools.tflite_file(quantize="int8"),
        tools.varying(),
        tolerance=Tolerance(max_abs_error=1e-9, snr_db=200, sdr_change_db=0),
    )
    text = "; ".join(report.failures)
    assert "vocals: max abs error" in text
    assert "> 1e-09" in text
    assert "accompaniment: SNR" in text
    assert "< 200 dB" in text
    assert "vocals: SDR change" in text


def test_verify_listens_to_music_and_to_the_edge_cases():
    path, trained = tools.tflite_file(quantize="int8"), tools.varying()
    artefact = open_artefact(path, threads=2)
    model = separator_model(trained.network, artefact.config)
    sources, errors = artefact.config.sources, []
    music = music_sources(artefact.config)["mixture"]
    for signal in (music, *edge_signals(artefact.config)):
        windows = cut(signal, artefact.config.stft.chunk_length)
        got, wanted = artefact.separate(windows), model(windows, training=False)
        errors.append([np.abs(got[s] - wanted[s]).max() for s in sources])
    report = verify(path, trained, threads=2)
    found = [parity.max_abs_error for parity in report.parities]
    np.testing.assert_allclose(found, np.max(errors, axis=0), rtol=1e-3)
    assert np.argmax(errors, axis=0).all()  # not the music: the law bites


def test_nan_never_passes():
    nan = float("nan")
    parity = Parity("vocals", nan, nan, nan, nan)
    assert len(parity.failures(Tolerance(1, 1, 1))) == 3


def test_quiet_differences_break_no_promise():
    parity = Parity("vocals", 1e-6, 20.0, -130.0, 0.0)
    assert parity.failures(TOLERANCES["float32"]) == []


def test_verify_exits_with_one(run, run_folder, monkeypatch):
    strict = Tolerance(max_abs_error=1e-12)
    monkeypatch.setitem(TOLERANCES, "float32", strict)
    done = run("export", "verify", tools.tflite_file(), "--model", run_folder)
    assert done.code == 1
    assert "vocals" in done.out
    assert "further from the model than promised: vocals: max abs error" in done.err


def test_an_artefact_of_other_weights_is_refused():
    network = build_network(tools.CONFIG)
    other = Trained(network, tools.CONFIG, tools.FOLDER / "other.keras")
    with pytest.raises(ExportError, match=r"made from other weights than .*other"):
        verify(tools.tflite_file(), other)


def test_bad_models(run, tmp_path):
    cases = {
        tmp_path / "none.keras": "No model at",
        tmp_path: "holds no model.keras",
    }
    for model, text in cases.items():
        done = run("export", "tflite", model, tmp_path / "m.tflite")
        assert done.code == 1
        assert text in done.err
    (tmp_path / "members" / "vocals").mkdir(parents=True)
    (tmp_path / "members" / "vocals" / "model.keras").write_bytes(b"")
    done = run("export", "saved-model", tmp_path / "members", tmp_path / "x")
    assert "one network per source" in done.err
    import keras

    bare = tmp_path / "bare.keras"
    keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]).save(bare)
    done = run("export", "saved-model", bare, tmp_path / "x")
    assert done.code == 1
    assert "holds no munet.json" in done.err
    assert not (tmp_path / "x").exists()


def test_bad_options(run, run_folder, tmp_path):
    done = run("export", "tflite", run_folder, tmp_path / "m.bin")
    assert (done.code, "must end in .tflite" in done.err) == (2, True)
    done = run("export", "tflite", run_folder, tmp_path / "m.tflite", "--frames", 65)
    assert (done.code, "windows of 65 frames" in done.err) == (1, True)
    done = run(
        *("export", "tflite", run_folder, tmp_path / "m.tflite", "--quantize", "int4"),
    )
    assert (done.code, "int4" in done.err) == (2, True)
    done = run("export", "onnx", run_folder, tmp_path / "m")
    assert (done.code, "No such command 'onnx'" in done.err) == (2, True)
    done = run("export", "verify", tmp_path / "none", "--model", run_folder)
    assert (done.code, "No artefact at" in done.err) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_place(run, run_folder, tmp_path):
    (tmp_path / "file").write_text("")
    done = run("export", "tflite", run_folder, tmp_path / "file" / "m.tflite", "-q")
    assert done.code == 1
    assert "Error:" in done.err


def test_help_lists_the_commands(run):
    done = run("export", "--help")
    for name in ("saved-model", "tflite", "serving", "verify"):
        assert name in done.out


def test_models_of_other_precision_are_loaded_in_float32(tmp_path):
    import keras

    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        network = build_network(tools.CONFIG)
    finally:
        keras.config.set_dtype_policy(policy)
    save_model(network, tools.CONFIG, tmp_path / "m.keras")
    loaded = load_trained(tmp_path / "m.keras").network
    assert {layer.compute_dtype for layer in loaded.layers} == {"float32"}
    for mine, theirs in zip(loaded.get_weights(), network.get_weights(), strict=True):
        assert np.array_equal(mine, theirs)


def test_cutting_and_ratios():
    assert cut(np.ones(5), 4).tolist() == [[1, 1, 1, 1], [1, 0, 0, 0]]
    signal = np.ones(100)
    assert snr_db(signal, signal) == float("inf")
    assert snr_db(signal, signal + 0.1) == pytest.approx(20)
