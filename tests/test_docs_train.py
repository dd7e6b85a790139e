"""The commands of README and docs/train.md, run as they stand, on small data.

Only what makes them long is replaced: 100 epochs by one, presets by a tiny one.
"""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from weights_tools import stand_in

from keras_munet.audio.writer import AudioWriter
from keras_munet.music.collection import write_tracks
from keras_munet.music.engine import make_track

ROOT = Path(__file__).resolve().parents[1]
QUICK = ["--preset", "tiny-2src", "--epochs", "1", "--no-tflite"]

pytestmark = pytest.mark.slow


def _commands(page):
    """The `keras-munet` lines of a page's console blocks, as words."""
    blocks = re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    prefix = "$ keras-munet "
    return [
        shlex.split(line.removeprefix(prefix), comments=True)
        for line in lines
        if line.startswith(prefix)
    ]


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with what the pages suppose: stems, a song, shipped weights."""
    monkeypatch.chdir(tmp_path)
    stand_in(tmp_path / "weights", monkeypatch)
    write_tracks("my-stems", 3, seconds=13, seed=0)
    mixture = np.asarray(sum(make_track(5, 0, 8.0).values()), np.float32)
    with AudioWriter("song.mp3", 44100, 2) as writer:
        writer.write(mixture / max(1.0, np.abs(mixture).max()))
    return tmp_path


@pytest.mark.parametrize("page", ["README.md", "docs/train.md"])
def test_every_command_of_the_page_works(page, workplace, run):
    commands = _commands(ROOT / page)
    assert any(words[0] == "fit" for words in commands)
    for words in commands:
        if words[0] == "fit":
            words = [w for w in words if w not in ("--epochs", "100")] + QUICK
        if words[0] == "synth":  # these stems are there
            words = [{"16": "3", "30": "13"}.get(word, word) for word in words]
        code, _, err = run(*words)
        assert code == 0, (words, err)


def test_the_python_of_the_readme_works(workplace):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    names = {"audio": np.zeros((44_100, 2), np.float32)}
    exec(code, names)
    assert {name: stem.shape for name, stem in names["stems"].items()} == {
        "vocals": (44_100, 2),
        "accompaniment": (44_100, 2),
    }
