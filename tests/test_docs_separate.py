"""Every example of docs/separate.md does what it says."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from separation_tools import music, tiny_models
from weights_tools import stand_in

from keras_munet.audio.reading import read_audio
from keras_munet.audio.writer import quantize

PAGE = Path(__file__).parents[1] / "docs" / "separate.md"


def _blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.M | re.S)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with what the page talks about: `song.mp3`, `album`, `run`."""
    folder = tmp_path_factory.mktemp("docs")
    song = music(4.2, 44100)
    soundfile.write(folder / "song.mp3", song, 44100)
    soundfile.write(folder / "song.wav", song, 44100)
    for name in ("side a/one.flac", "side b/two.ogg"):
        (folder / "album" / name).parent.mkdir(parents=True)
        soundfile.write(folder / "album" / name, music(1, 44100), 44100)
    (folder / "run").symlink_to(tiny_models().run, target_is_directory=True)
    return folder


def _shell(line):
    """Runs a line with pipes; `keras-munet` is that of this environment."""
    tools = Path(sys.executable).parent
    path = os.pathsep.join([str(tools), os.environ["PATH"]])
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path},
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(autouse=True)
def weights(tmp_path, monkeypatch):
    """What the package ships, in small."""
    stand_in(tmp_path / "weights", monkeypatch)


@pytest.mark.parametrize("block", _blocks("console"))
def test_commands(run, place, monkeypatch, block):
    monkeypatch.chdir(place)
    first, *expected = block.splitlines()
    assert first.startswith("$ ")
    words = shlex.split(first[2:])
    if "|" in words:
        code, out, err = _shell(first[2:])
    else:
        assert words[0] == "keras-munet"
        code, out, err = run(*words[1:])
    assert (code, out.splitlines()) == (0, expected), err
    assert all((place / line).is_file() for line in expected)


def test_the_two_stems_null(run, place, monkeypatch):
    monkeypatch.chdir(place)
    (line,) = re.findall(r"^\$ (.* --format flac .*)$", PAGE.read_text(), re.M)
    words = shlex.split(line)
    code, out, _ = run(*words[1:], "--overwrite")
    assert code == 0
    stems = [quantize(read_audio(place / line)[0], 24) for line in out.splitlines()]
    song, _ = read_audio(place / "song.mp3")
    np.testing.assert_array_equal(sum(stems), quantize(song, 24))


def test_python(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    names: dict[str, object] = {}
    for block in _blocks("python"):
        exec(compile(block, str(PAGE), "exec"), names)
    assert "4 of 4 s" in capsys.readouterr().out
