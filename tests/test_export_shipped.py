"""docs/export.md, word for word, on a shipped model."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from devserver import DevServer

from keras_munet.artefact.tflite import read_card
from keras_munet.export.signals import music_sources
from keras_munet.export.trained import load_trained
from keras_munet.separation.wire import from_json
from keras_munet.weights.shipped import model_path

pytestmark = pytest.mark.slow
MODEL = "vocals"
PAGE = Path(__file__).parents[1] / "docs" / "export.md"
ADDRESS = "http://localhost:8501"


def snippets(language):
    """Returns the code of one language on the page, in order."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def card():
    return read_card(model_path(MODEL))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A shipped model as `saved` and `model.tflite`, and a `song.wav`."""
    from keras_munet.export.saved_model import export_saved_model

    folder = tmp_path_factory.mktemp("shipped")
    trained = load_trained(MODEL)
    export_saved_model(trained.network, trained.config, folder / "saved")
    shutil.copyfile(model_path(MODEL), folder / "model.tflite")
    rate = trained.config.stft.sample_rate
    song = np.append(music_sources(trained.config)["mixture"][:20_000], np.zeros(2000))
    soundfile.write(folder / "song.wav", song, rate, subtype="PCM_16")
    return folder


@pytest.fixture(scope="module")
def address(folder):
    with DevServer(folder / "saved", "separator") as server:
        yield server.rest_address


def test_no_size_of_one_model_stands_in_the_code():
    code = "".join(re.findall(r"```(?!sh).*?```", PAGE.read_text(), re.DOTALL))
    assert not re.findall(r"65[ _]?280|32[ _]?512", code)


def test_python(folder, address, card, monkeypatch):
    monkeypatch.chdir(folder)
    codes = snippets("python")
    assert len(codes) == 4
    n_windows = 0
    for code in codes:
        names = {}
        exec(
            code.replace(ADDRESS, address).replace("separator_batched", "separator"),
            names,
        )
        assert set(names["estimates"]) >= set(card["sources"])
        shape = np.shape(names["estimates"]["vocals"])
        n_windows += shape[-1] == card["window"]
    assert n_windows == 3  # the fourth takes any length


def test_curl(folder, address, card):
    codes = snippets("sh")
    assert len(codes) == 2
    answers = []
    for code in codes:
        done = subprocess.run(
            ["bash", "-c", code.replace(ADDRESS, address)],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answers.append(json.loads(done.stdout)["outputs"])
    assert json.loads(answers[0][0])["window"] == card["window"]
    assert set(answers[1]) == {f"{source}_bytes" for source in card["sources"]}
    (vocals,) = from_json(answers[1]["vocals_bytes"])
    (folder / "vocals.wav").write_bytes(vocals)
    assert soundfile.info(folder / "vocals.wav").frames == 22_000


@pytest.mark.parametrize("name", ["vocals", "4stems"])
def test_int8_keeps_its_promise(run, tmp_path, name):
    done = run("export", "tflite", name, tmp_path / "m.tflite", "--quantize", "int8")
    assert done.code == 0, done.err
