"""One training loop: on JAX it does what it does on TensorFlow, and loads no other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from training_memory import InMemory, config, ticking

from keras_munet.models import build_network, load_model, save_model
from keras_munet.training.loop import fit
from keras_munet.training.seeding import seeded

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("training_memory.py")
SEED = 1
CASES = {
    "dwa": config(weighting="dwa", clip_norm=0.5),
    "inst": config(weighting="ebw-inst-p1", loss="energy", schedule="cosine"),
    "adam": config(weighting="oh", loss="direct", optimizer="adam"),
    "cunet": config("cunet", learning_rate=2e-5),
    "clock": config(schedule="cosine", epochs=50, minutes=7.5 / 60),
}


@pytest.fixture(scope="module")
def on_jax(tmp_path_factory):
    """All cases, trained by one process on JAX; the folder and what it printed."""
    folder = tmp_path_factory.mktemp("backends")
    for name, settings in CASES.items():
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(settings.to_json())
        with seeded(SEED):
            network = build_network(settings.model)
        save_model(network, settings.model, folder / name / "init.keras")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *(str(folder / name) for name in CASES)],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout.splitlines()[-1])


def test_training_on_jax_loads_no_tensorflow(on_jax):
    _, printed = on_jax
    assert not printed["tensorflow"]


@pytest.mark.parametrize("name", CASES)
def test_jax_trains_as_tensorflow_does(name, on_jax, monkeypatch):
    folder, printed = on_jax
    there = dict(zip(CASES, printed["histories"], strict=True))[name]
    settings, place = CASES[name], folder / name
    start_from, _ = load_model(place / "init.keras")
    data, listener = InMemory(settings), ticking(monkeypatch.setattr)
    here = fit(
        data,
        settings,
        place / "tensorflow",
        listener=listener,
        start_from=start_from,
    ).history
    assert [list(row) for row in there] == [list(row) for row in here]
    for ours, theirs in zip(there, here, strict=True):
        for key in ours:
            # Adam makes full steps of the rounding noise that is all the gradient of a
            # bias before BatchNorm; its moving mean follows late, in validation only.
            close = 0.1 if name == "adam" and key.startswith("val_") else 1e-4
            # A C-U-Net's control networks normalise over four conditions at the most,
            # twice in a row: rounding becomes 1e-2 of a mask, on one backend, too.
            close = 0.05 if name == "cunet" else close
            assert ours[key] == pytest.approx(theirs[key], rel=close), key


def test_run_folders_are_the_same_and_models_load_in_the_other_backend(on_jax, rng):
    folder, _ = on_jax
    runs = [folder / "dwa" / backend for backend in ("jax", "tensorflow")]
    names = [{path.name for path in run.glob("[!.]*")} for run in runs]
    assert names[0] == names[1] - {"tensorboard"}
    features = rng.normal(0, 1, (2, 64, 16, 1)).astype("float32")
    ours, theirs = (
        np.array(load_model(run / "model.keras")[0](features)) for run in runs
    )
    assert theirs.std() > 0.01
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)
