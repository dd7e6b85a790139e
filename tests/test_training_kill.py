"""A real `fit` process killed again and again ends as one never stopped."""

import json
import random
import subprocess
import sys
import time

import numpy as np
import pytest
from training_tools import quick, small_cache

from keras_munet.models import load_model

pytestmark = pytest.mark.slow

N_EPOCHS = 14
KILL_AFTER = {"tensorflow": (0, 2, 4, 6, 8), "jax": (0, 3, 8)}
"""Epochs that must be on disk before each kill; the run is far from its end."""


def _command(cache, run, config):
    return [
        sys.executable,
        "-m",
        "keras_munet.cli.main",
        *("fit", str(cache), "--run", str(run), "--config", str(config), "--no-tflite"),
    ]


def _epochs_done(run):
    try:
        return json.loads((run / "state" / "state.json").read_text())["epoch"]
    except FileNotFoundError:
        return 0


def _kill_after(command, run, n_epochs, delay_s):
    """Starts the command, waits for the epochs and a random instant, kills it."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        while _epochs_done(run) < n_epochs or not (run / "config.json").exists():
            assert process.poll() is None, process.stdout.read().decode()
            time.sleep(0.01)
        time.sleep(delay_s)
        assert process.poll() is None, process.stdout.read().decode()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("backend", KILL_AFTER)
def test_kills_leave_the_same_weights(backend, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "compiled"))
    dataset = small_cache(tmp_path)
    config_file = tmp_path / "config.json"
    config = quick(
        weighting="dwa", epochs=N_EPOCHS, augment=("remix", "gain"), plateau_patience=2
    )
    config_file.write_text(config.to_json())
    whole, killed = tmp_path / "whole", tmp_path / "killed"

    done = subprocess.run(
        _command(dataset.folder, whole, config_file), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    history = json.loads((whole / "state" / "state.json").read_text())["history"]
    epoch_s = sorted(row["seconds"] for row in history)[len(history) // 2]

    instants = random.Random(7)
    for n_epochs in KILL_AFTER[backend]:
        delay_s = instants.uniform(0, epoch_s)
        command = _command(dataset.folder, killed, config_file)
        _kill_after(command, killed, n_epochs, delay_s)
    done = subprocess.run(
        _command(dataset.folder, killed, config_file), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr

    ours, theirs = (
        load_model(run / "model.keras")[0].get_weights() for run in (killed, whole)
    )
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)
    final = [
        np.load(run / "state" / f"epoch-{N_EPOCHS:05d}.npz") for run in (killed, whole)
    ]
    for name in final[1].files:
        np.testing.assert_array_equal(final[0][name], final[1][name])
    assert not list(killed.rglob("*.part*"))
