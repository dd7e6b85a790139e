"""Training: it learns, resumes exactly, refuses what would spoil a run."""

import csv
import dataclasses
import errno
import json
import logging
import random
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from training_memory import ticking
from training_tools import STFT, OneStep, quick, small_cache

from keras_munet.cli.determinism import choose_operators
from keras_munet.config import WEIGHTINGS, UNetConfig
from keras_munet.data.batches import CachedBatches
from keras_munet.errors import DataError, ModelError, MunetError
from keras_munet.files import locked, sha256
from keras_munet.models import FrontEnd, build_network, load_model
from keras_munet.models.separator import log_features
from keras_munet.training.loop import Listener, fit
from keras_munet.training.losses import SOURCE_LOSSES
from keras_munet.training.multitask import MultiTaskModel
from keras_munet.training.optimizer import copy_weights, cosine
from keras_munet.training.run_folder import RunFolder
from keras_munet.training.seeding import seeded
from keras_munet.training.weighting import WEIGHTING_CLASSES

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module", autouse=True)
def deterministic_operators():
    choose_operators(quick())


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    return small_cache(tmp_path_factory.mktemp("training"))


def _fit(dataset, config, folder, **settings):
    return fit(CachedBatches(dataset, config), config, folder, **settings)


@pytest.fixture(scope="session")
def finished(dataset, tmp_path_factory):
    """An uninterrupted run with everything that must be restored in it."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    return _fit(dataset, _resumable(), folder)


def _resumable():
    return quick(
        weighting="dwa",
        epochs=4,
        augment=("remix", "gain", "polarity"),
        plateau_patience=1,
        plateau_threshold=0.5,
    )


def _weights(folder):
    return load_model(folder / "model.keras")[0].get_weights()


def test_training_lowers_the_validation_sum_of_every_source(finished):
    first, best = finished.history[0], finished.history[-1]
    assert best["val_loss"] < first["val_loss"]
    assert best["val_loss"] == pytest.approx(
        best["val_loss_vocals"] + best["val_loss_accompaniment"], rel=1e-4
    )


def test_a_run_folder_holds_what_the_contract_says(finished):
    names = {path.name for path in finished.folder.glob("[!.]*")} | {"tensorboard"}
    assert names == {
        "config.json",
        "history.csv",
        "metrics.json",
        "model.keras",
        "state",
        "tensorboard",
    }
    with (finished.folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4]
    assert float(rows[2]["val_loss"]) == finished.history[2]["val_loss"]
    metrics = json.loads((finished.folder / "metrics.json").read_text())
    assert metrics["best_validation_sum"] == min(
        r["val_loss"] for r in finished.history
    )


class _LouderValidation:
    """A data set whose validation chunks can be made louder, and so worse, at will."""

    def __init__(self, data):
        self.data, self.gain = data, 1.0
        self.energies, self.n_training = data.energies, data.n_training
        self.steps_per_epoch = data.steps_per_epoch

    def batches(self, split, *, epoch, config):
        batches = self.data.batches(split, epoch=epoch, config=config)
        gain = np.float32(self.gain if split == "valid" else 1)
        return batches.map(lambda x: x * gain)


def test_the_model_file_is_the_best_network_and_not_the_last(dataset, tmp_path):
    """Loaded again it scores `best_validation_sum`, chunk by chunk."""
    config = quick(epochs=2, weighting="unit")
    data = _LouderValidation(CachedBatches(dataset, config))

    def spoil(row):
        data.gain = 30.0

    result = fit(data, config, tmp_path, listener=Listener(epoch=spoil))
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    first, last = (row["val_loss"] for row in result.history)
    assert last > 10 * first
    assert (metrics["best_epoch"], metrics["best_validation_sum"]) == (1, first)

    data.gain = 1.0
    network, model = load_model(tmp_path / "model.keras")
    front_end, scores, n_chunks = FrontEnd(model.stft), np.zeros(2), 0
    for batch in data.batches("valid", epoch=0, config=config):
        magnitudes = front_end(batch)
        sources, mixture = magnitudes[..., :-1], magnitudes[..., -1:]
        masks = network(log_features(mixture, model))
        scores += len(batch) * np.array(
            SOURCE_LOSSES[config.loss](masks, sources, mixture)
        )
        n_chunks += len(batch)
    assert scores.sum() / n_chunks == pytest.approx(first, rel=1e-4)


def test_weights_of_dwa_reach_the_history(finished):
    first, second, third = (row["weight_vocals"] for row in finished.history[:3])
    assert first == second == 1
    assert third != 1


def test_the_rate_falls_on_a_plateau(finished):
    rates = [row["learning_rate"] for row in finished.history]
    assert rates[0] == pytest.approx(2e-3)
    assert rates[-1] < rates[0]


def test_tensorboard_has_curves_pictures_and_sound(finished):
    pytest.importorskip("tensorboard")
    (events,) = (finished.folder / "tensorboard").glob("events*")
    tags = {}
    for record in tf.data.TFRecordDataset(str(events)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            tags[value.tag] = value.metadata.plugin_data.plugin_name
    assert tags["val_loss_vocals"] == "scalars"
    assert tags["sound/vocals"] == "audio"
    assert tags["spectrogram/mixture"] == "images"


def test_without_tensorboard_a_run_has_no_curves_and_says_so_once(
    dataset, tmp_path, caplog, monkeypatch
):
    for name in ("tensorboard", "tensorboard.summary", "tensorboard.summary.v2"):
        monkeypatch.setitem(sys.modules, name, None)  # cannot be imported
    config = quick(epochs=2, batch_size=8)
    with caplog.at_level(logging.INFO, "keras_munet"):
        result = fit(OneStep(CachedBatches(dataset, config)), config, tmp_path)
    assert len(result.history) == 2
    lines = [r.getMessage() for r in caplog.records if "TensorBoard" in r.getMessage()]
    assert len(lines) == 1
    assert "pip install 'keras-munet[tensorboard]'" in lines[0]
    assert not (tmp_path / "tensorboard").exists()


def test_the_event_file_is_closed_however_a_run_ends(dataset, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    create, writers = tf.summary.create_file_writer, []

    def recorded(*arguments):
        writers.append(create(*arguments))
        return writers[-1]

    def stop(row):
        raise KeyboardInterrupt

    monkeypatch.setattr(tf.summary, "create_file_writer", recorded)
    config = quick(epochs=1, batch_size=8)
    data = OneStep(CachedBatches(dataset, config))
    with pytest.raises(KeyboardInterrupt):
        fit(data, config, tmp_path, listener=Listener(epoch=stop))
    with pytest.raises(RuntimeError, match="already closed"):
        writers[0].as_default().__enter__()


def test_training_leaves_the_process_as_it_was():
    """Neither operators nor seeds of whoever calls the library are changed."""
    code = """
import sys, tempfile
import numpy as np, tensorflow as tf
sys.path.insert(0, "tests")
from pathlib import Path
from test_training_fit import CachedBatches, OneStep, fit, quick, small_cache

folder = Path(tempfile.mkdtemp())
config = quick(epochs=1, batch_size=4)
data = OneStep(CachedBatches(small_cache(folder), config))
expected = []
for train in (False, True):
    np.random.seed(7), tf.random.set_seed(7)
    if train:
        fit(data, config, folder / "run")
    expected.append([np.random.random(), float(tf.random.uniform(()))])
assert expected[0] == expected[1], expected
from tensorflow.python.framework import config as process
assert not process.is_op_determinism_enabled()
"""
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_seed_holds_for_its_block_only():
    def draws():
        return [random.random(), keras.initializers.GlorotUniform()((2, 2))[0, 0]]

    random.seed(7)
    expected = random.random()
    random.seed(7)
    with seeded(3):
        first = draws()
    with seeded(3):
        assert draws() == first
    assert random.random() == expected


def test_a_cosine_run_stopped_goes_on_to_the_same_weights(dataset, tmp_path):
    def stop(row):
        if row["epoch"] == 1:
            raise KeyboardInterrupt

    config = quick(schedule="cosine", epochs=2)
    whole = _fit(dataset, config, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        _fit(dataset, config, tmp_path / "run", listener=Listener(epoch=stop))
    _assert_same_run(_fit(dataset, config, tmp_path / "run"), whole)
    n = -(-CachedBatches(dataset, config).n_training // config.batch_size)
    # One step of warm-up, then half a cosine over the other steps.
    middle = config.learning_rate * np.cos(np.pi / 2 * (n - 1) / (2 * n - 1)) ** 2
    rates = [row["learning_rate"] for row in whole.history]
    np.testing.assert_allclose(rates, [middle, 0], rtol=1e-4, atol=1e-12)


def test_a_cosine_reaches_zero_with_the_last_of_all_passes(dataset, tmp_path):
    """A C-U-Net's epoch has K + 2 passes over the data, and as many more steps."""
    seen = []

    def count(epoch, step, n_steps, means):
        seen.append((epoch, step, n_steps))

    config = quick("cunet", weighting="unit", schedule="cosine", epochs=2, batch_size=8)
    data = CachedBatches(dataset, config)
    history = fit(data, config, tmp_path, listener=Listener(step=count)).history
    assert {n_steps for _, _, n_steps in seen} == {data.steps_per_epoch}
    assert len(seen) == 2 * data.steps_per_epoch
    rates = [row["learning_rate"] for row in history]
    assert rates[0] == pytest.approx(config.learning_rate / 2, rel=0.2)
    assert rates[1] == pytest.approx(0, abs=1e-9)


def test_a_backend_that_trains_nothing_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    with pytest.raises(MunetError, match=r"runs on numpy, .* KERAS_BACKEND=jax"):
        fit(None, quick(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_ends_with_its_time_and_the_rate_with_it(dataset, monkeypatch, tmp_path):
    listener = ticking(monkeypatch.setattr)
    config = quick(schedule="cosine", epochs=500, minutes=10.5 / 60)
    n_steps = CachedBatches(dataset, config).steps_per_epoch
    result = _fit(dataset, config, tmp_path, listener=listener)
    assert "stopped by the clock" in result.note
    whole, rest = divmod(11, n_steps)  # the step in which the time ends is done
    seconds = [row["seconds"] for row in result.history]
    assert seconds == [n_steps] * whole + [rest] * bool(rest)
    rates = [row["learning_rate"] for row in result.history]
    ends = np.minimum(np.cumsum(seconds), 11) - 1
    wanted = [config.learning_rate * cosine(end / 10.5 + 0.001) for end in ends]
    np.testing.assert_allclose(rates, wanted, rtol=1e-4)
    assert _fit(dataset, config, tmp_path).already_finished

    longer = dataclasses.replace(config, minutes=20.5 / 60)
    more = _fit(dataset, longer, tmp_path, listener=listener)
    assert sum(row["seconds"] for row in more.history) == 21
    with pytest.raises(MunetError, match=r"other settings \(minutes: 1.0, not 0.0\)"):
        _fit(dataset, dataclasses.replace(config, minutes=0.0), tmp_path)


def test_a_run_stopped_goes_on_with_the_time_that_was_left(
    dataset, monkeypatch, tmp_path
):
    listener = ticking(monkeypatch.setattr)

    def stop(epoch, step, n_steps, means):
        listener.step()
        if (epoch, step) == (2, 1):
            raise KeyboardInterrupt

    config = quick(epochs=500, minutes=10.5 / 60)
    with pytest.raises(KeyboardInterrupt):
        _fit(dataset, config, tmp_path, listener=Listener(step=stop))
    result = _fit(dataset, config, tmp_path, listener=listener)
    assert sum(row["seconds"] for row in result.history) == 11


@pytest.mark.parametrize(("stop_after", "n_bad"), [(2, 1), (3, 0)])
def test_a_stopped_run_goes_on_to_the_same_weights(
    dataset, finished, stop_after, n_bad, tmp_path
):
    """Also from where the plateau has counted an epoch: the rate falls in time."""

    def stop(row):
        if row["epoch"] == stop_after:
            raise KeyboardInterrupt

    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        _fit(dataset, _resumable(), folder, listener=Listener(epoch=stop))
    state = json.loads((folder / "state" / "state.json").read_text())
    assert state["schedule"]["n_bad"] == n_bad
    again = _fit(dataset, _resumable(), folder)
    _assert_same_run(again, finished)


def test_a_run_stopped_in_the_middle_of_an_epoch_repeats_that_epoch(
    dataset, finished, tmp_path
):
    def stop(epoch, step, n_steps, means):
        if (epoch, step) == (3, 2):
            raise KeyboardInterrupt

    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        _fit(dataset, _resumable(), folder, listener=Listener(step=stop))
    _assert_same_run(_fit(dataset, _resumable(), folder), finished)


def _assert_same_run(result, expected):
    ours, theirs = (
        [{k: v for k, v in row.items() if k != "seconds"} for row in r.history]
        for r in (result, expected)
    )
    assert ours == theirs
    for a, b in zip(_weights(result.folder), _weights(expected.folder), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_finished_run_says_so_and_changes_nothing(dataset, finished):
    files = [p for p in finished.folder.rglob("*") if p.is_file()]
    before = {path: sha256(path) for path in files}
    again = _fit(dataset, _resumable(), finished.folder)
    assert again.already_finished
    assert again.history == finished.history
    assert {path: sha256(path) for path in files} == before


def test_more_epochs_may_be_asked_for_later(dataset, tmp_path):
    config = quick(epochs=1)
    _fit(dataset, config, tmp_path / "short")
    longer = dataclasses.replace(config, epochs=2)
    extended = _fit(dataset, longer, tmp_path / "short")
    whole = _fit(dataset, longer, tmp_path / "whole")
    _assert_same_run(extended, whole)


def test_another_config_is_refused_by_naming_the_difference(dataset, finished):
    config = dataclasses.replace(_resumable(), batch_size=2)
    with pytest.raises(MunetError, match=r"other settings \(batch_size: 4, not 2\)"):
        _fit(dataset, config, finished.folder)


def test_a_foreign_folder_is_refused(dataset, tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(MunetError, match="not empty and no run of keras-munet"):
        _fit(dataset, quick(), tmp_path)


def test_two_processes_in_one_run_folder_are_refused(dataset, tmp_path):
    refusal = "Another process is training in"
    with locked(tmp_path, "test"), pytest.raises(MunetError, match=refusal):
        _fit(dataset, quick(), tmp_path)


def test_a_damaged_state_is_named(dataset, tmp_path):
    config = quick(epochs=1)
    _fit(dataset, config, tmp_path)
    (arrays,) = (tmp_path / "state").glob("*.npz")
    arrays.write_bytes(arrays.read_bytes()[:1000])
    with pytest.raises(MunetError, match=r"saved state in .* cannot be read"):
        _fit(dataset, dataclasses.replace(config, epochs=2), tmp_path)
    assert load_model(tmp_path / "model.keras")


@pytest.mark.parametrize("text", ["{", "[]", "3", "{}", '{"note": "", "epochs": 1}'])
def test_damaged_metrics_and_states_name_themselves(text, tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.claim(quick())
    folder.write_metrics({"note": "all done", "epochs": 3, "epochs_allowed": 3})
    folder.state.mkdir()
    (folder.state / "state.json").write_text(text)
    with pytest.raises(MunetError, match=r"saved state in .*run/state cannot be read"):
        folder.finished(quick())
    (tmp_path / "run" / "metrics.json").write_text(text)
    with pytest.raises(MunetError, match=r"run/metrics\.json cannot be read"):
        folder.finished(quick())


class _NaNInEpochTwo:
    """A data set whose second epoch holds a sample that is no number."""

    def __init__(self, data):
        self.data = data
        self.energies, self.n_training = data.energies, data.n_training
        self.steps_per_epoch = data.steps_per_epoch

    def batches(self, split, *, epoch, config):
        batches = self.data.batches(split, epoch=epoch, config=config)
        if split == "train" and epoch == 1:
            return batches.map(lambda x: x * np.float32("nan"))
        return batches


def test_a_full_disk_keeps_the_last_good_state(
    dataset, finished, tmp_path, monkeypatch
):
    real, calls = np.savez, []

    def savez(file, **arrays):
        calls.append(file)
        if len(calls) == 3:
            Path(file).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device", str(file))
        real(file, **arrays)

    folder = tmp_path / "run"
    monkeypatch.setattr(np, "savez", savez)
    with pytest.raises(OSError, match="No space left"):
        _fit(dataset, _resumable(), folder)
    assert [path.name for path in sorted((folder / "state").iterdir())] == [
        "epoch-00002.npz",
        "state.json",
    ]
    _assert_same_run(_fit(dataset, _resumable(), folder), finished)


def test_a_loss_that_becomes_nan_stops_and_keeps_the_last_good_model(dataset, tmp_path):
    config = quick()
    data = _NaNInEpochTwo(CachedBatches(dataset, config))
    with pytest.raises(MunetError, match=r"loss became nan in epoch 2, step 1\."):
        fit(data, config, tmp_path / "run")
    assert all(np.isfinite(weight).all() for weight in _weights(tmp_path / "run"))
    state = json.loads((tmp_path / "run" / "state" / "state.json").read_text())
    assert state["epoch"] == 1
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_a_batch_larger_than_the_data_is_refused(dataset, tmp_path):
    with pytest.raises(DataError, match="batch of 400 is larger than the training set"):
        _fit(dataset, quick(batch_size=400), tmp_path)


def test_a_dead_mask_is_reported_by_name(dataset, tmp_path, caplog):
    model = quick().model
    unet = dataclasses.replace(model.unet, output_bias=-50.0)
    config = quick(epochs=1, model=dataclasses.replace(model, unet=unet))
    with caplog.at_level(logging.WARNING):
        _fit(dataset, config, tmp_path)
    assert "The mask of vocals is zero almost everywhere" in caplog.text
    assert "--output-bias 0.5" in caplog.text


@pytest.mark.parametrize(
    ("weighting", "loss"),
    list(zip(WEIGHTINGS, 2 * ["indirect", "direct", "energy"], strict=True)),
)
def test_the_total_is_the_weighted_sum_of_the_sources(dataset, weighting, loss):
    config = quick(weighting=weighting, loss=loss)
    data = CachedBatches(dataset, config)
    network = build_network(config.model)
    energies = [data.energies[source] for source in config.model.sources]
    model = MultiTaskModel(
        network,
        config.model,
        source_loss=SOURCE_LOSSES[loss],
        weighting=WEIGHTING_CLASSES[weighting](2, energies=energies),
    )
    model.compile(keras.optimizers.SGD(0.01))
    (batch,) = data.batches("train", epoch=0, config=config).take(1)
    before = [weight.numpy().copy() for weight in network.trainable_weights]
    results = {name: float(value) for name, value in model.train_step(batch).items()}
    total = sum(
        results[f"weight_{source}"] * results[f"loss_{source}"]
        for source in config.model.sources
    )
    assert results["loss"] == pytest.approx(total, rel=1e-4)
    for old, new in zip(before, network.trainable_weights, strict=True):
        assert not np.array_equal(old, new.numpy()), new.path


@pytest.mark.parametrize(
    "settings",
    [
        {"precision": "mixed_bfloat16"},
        {"precision": "mixed_float16"},
        {"optimizer": "sgd", "clip_norm": 0.1, "keep_silent": True},
    ],
    ids=str,
)
def test_options_train_and_leave_a_float32_model(dataset, settings, tmp_path):
    config = quick(epochs=1, batch_size=8, **settings)
    result = fit(OneStep(CachedBatches(dataset, config)), config, tmp_path)
    network, _ = load_model(result.folder / "model.keras")
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}
    assert all(type(layer).__module__.startswith("keras.") for layer in network.layers)
    assert keras.config.dtype_policy().name == "float32"
    assert np.isfinite(result.history[0]["val_loss"])


@pytest.mark.parametrize("architecture", ["dedicated", "cunet"])
def test_the_baselines_train_under_the_same_fit(dataset, architecture, tmp_path):
    config = quick(architecture, weighting="unit", epochs=2)
    history = _fit(dataset, config, tmp_path).history
    assert history[-1]["loss"] < history[0]["loss"]
    assert "val_loss_vocals" in history[0]


def test_a_cunet_sees_every_chunk_under_every_condition(dataset):
    config = quick("cunet", weighting="unit")
    data = CachedBatches(dataset, config)
    seen = {}
    n_batches = 0
    for waveforms, conditions in data.batches("train", epoch=0, config=config):
        n_batches += 1
        for chunk, condition in zip(waveforms, conditions, strict=True):
            key = chunk.numpy().tobytes()
            seen.setdefault(key, []).append(tuple(condition.numpy()))
    everything = sorted([(1, 0), (0, 1), (1, 1), (0, 0)])
    assert len(seen) == data.n_training
    assert all(sorted(conditions) == everything for conditions in seen.values())
    assert n_batches == 4 * -(-data.n_training // config.batch_size)
    assert n_batches == data.steps_per_epoch


def test_a_run_may_start_from_the_weights_of_another(dataset, finished, tmp_path):
    network, _ = load_model(finished.folder / "model.keras")
    config = quick(epochs=1, learning_rate=1e-9)
    result = _fit(dataset, config, tmp_path / "run", start_from=network)
    best = min(row["val_loss"] for row in finished.history)
    assert result.history[0]["val_loss"] == pytest.approx(best, rel=0.05)


def test_weights_of_a_network_for_other_sources_give_all_but_the_last_layer():
    config = quick().model
    other = dataclasses.replace(config, sources=("vocals", "drums", "bass"))
    source, target = build_network(config), build_network(other)
    fresh = target.get_layer("masks_conv").get_weights()
    assert copy_weights(source, target) == ["masks_conv"]
    last = source.get_layer("masks_conv"), target.get_layer("masks_conv")
    given = [
        w for layer in source.layers if layer is not last[0] for w in layer.weights
    ]
    taken = [
        w for layer in target.layers if layer is not last[1] for w in layer.weights
    ]
    pairs = [*zip(given, taken, strict=True), *zip(fresh, last[1].weights, strict=True)]
    for a, b in pairs:
        np.testing.assert_array_equal(np.array(a), np.array(b))
    wide = dataclasses.replace(config, unet=dataclasses.replace(config.unet, width=8))
    with pytest.raises(ModelError, match="other width, depth or architecture"):
        copy_weights(build_network(wide), target)


def test_a_width_that_does_not_fit_the_chunks_is_refused():
    with pytest.raises(ValueError, match=r"multiple of 2\*\*depth = 128"):
        dataclasses.replace(quick().model, unet=UNetConfig(depth=7))
    assert STFT.chunk_length == 63 * 256
