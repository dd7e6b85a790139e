"""One song, a stream or the whole run fails: the rest is done, or all undone."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import soundfile
from separation_tools import Ones, music, tiny_models

from keras_munet.errors import ModelError, is_out_of_memory
from keras_munet.separation.separator import Separator

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")

COMMAND = f"{sys.executable} -W error -m keras_munet.cli.main"


@pytest.fixture(scope="module")
def model():
    return tiny_models().tflite


@pytest.fixture
def songs(tmp_path):
    paths = [tmp_path / "one.wav", tmp_path / "two.wav"]
    for path in paths:
        soundfile.write(path, music(1, 22050), 22050)
    return paths


class Failing(Ones):
    """Fails on its second window."""

    def __init__(self, error):
        super().__init__()
        self.error, self.n_calls = error, 0

    def window(self, waveform, shape):
        self.n_calls += 1
        if self.n_calls == 2:
            raise self.error
        return super().window(waveform, shape)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("boom"), "RuntimeError: boom. This is a fault of keras-munet"),
        (KeyError("x"), "KeyError: 'x'"),
        (UnicodeEncodeError("utf-8", "\udce9", 0, 1, "no"), "UnicodeEncodeError"),
        (RecursionError("deep"), "RecursionError: deep"),
        (MemoryError(), "There is not enough memory"),
        (RuntimeError("std::bad_alloc"), "There is not enough memory"),
        (OSError(12, "Cannot allocate memory"), "There is not enough memory"),
        (OSError(5, "Input/output error"), "Input/output error"),
    ],
)
def test_any_error_of_a_song_is_that_songs(
    run, monkeypatch, tmp_path, songs, error, said
):
    network = Failing(error)
    monkeypatch.setattr(Separator, "load", lambda *_, **__: Separator(network))
    for path in songs:
        soundfile.write(path, music(8, 8000), 8000)
    third = tmp_path / "three.wav"
    soundfile.write(third, music(1, 8000), 8000)
    outcome = run("separate", *songs, third, "--out", tmp_path / "out")
    assert outcome.code == 1
    first, summary = outcome.err.splitlines()
    assert first.startswith(f"Error: {songs[0]}: ") and said in first
    assert "2 of 3 songs" in summary and "1 failed" in summary
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"two", "three"}


def _shell(line, folder):
    plain = {name: text for name, text in os.environ.items() if name[:3] != "TF_"}
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=plain,
        capture_output=True,
        timeout=300,
        check=False,
    )


def _stems(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("ending", "code", "said"),
    [
        ("2>&-", 0, ""),
        ("2>/dev/full", 0, ""),
        (">/dev/full", 1, "Error: stdout cannot be written: No space left on device."),
        (">&-", 1, "Error: stdout cannot be written: Bad file descriptor."),
        ("| head -c1; exit ${PIPESTATUS[0]}", 1, ""),
        ("<&- >&- 2>&-", 1, ""),
    ],
)
def test_streams_that_fail_stop_no_song(tmp_path, songs, model, ending, code, said):
    line = f"{COMMAND} separate *.wav --model {model} --out out {ending}"
    done = _shell(line, tmp_path)
    err = done.stderr.decode()
    assert done.returncode == code, err
    wanted = [
        f"{n}/{s}.wav" for n in ("one", "two") for s in ("vocals", "accompaniment")
    ]
    assert _stems(tmp_path / "out") == set(wanted)
    assert ".wav" not in err and "Traceback" not in err
    assert [line for line in err.splitlines() if "Error" in line] == [said] * bool(said)


def test_messages_that_nobody_can_read_cost_nothing(tmp_path, songs, model):
    """Errors and warnings, not only the summary, go to a stream that is full."""
    line = f"{COMMAND} separate no.wav *.wav --model {model} --out out 2>/dev/full"
    done = _shell(line, tmp_path)
    assert done.returncode == 1 and len(done.stdout.splitlines()) == 4


@pytest.mark.parametrize("ending", [">/dev/full", ">&-"])
def test_one_stem_to_a_stream_that_fails(tmp_path, songs, model, ending):
    line = f"{COMMAND} separate one.wav --model {model} --out - --stems vocals {ending}"
    done = _shell(line, tmp_path)
    assert done.returncode == 1
    (error,) = done.stderr.decode().splitlines()
    assert error.startswith("Error: stdout cannot be written: ")


@pytest.mark.parametrize("words", ["--help", "models", "models --json"])
def test_other_commands_name_the_stream_too(tmp_path, words):
    done = _shell(f"{COMMAND} {words} >/dev/full", tmp_path)
    assert done.returncode == 1
    assert done.stderr.decode() == (
        "Error: stdout cannot be written: No space left on device.\n"
    )


def test_stdin_that_is_closed_is_said(tmp_path, songs, model):
    line = f"{COMMAND} separate - one.wav --model {model} --out out <&-"
    done = _shell(line, tmp_path)
    assert done.returncode == 1 and len(done.stdout.splitlines()) == 2
    assert b"Error: stdin is closed: nothing can be read from -." in done.stderr


NAMES = [
    b"caf\xe9.wav",
    b"[red].wav",
    b"live [/] song.wav",
    b"$a$ :heart:.wav",
    b"...wav",
]


def test_names_are_names_and_no_markup(tmp_path, songs, model):
    """On a terminal, where bars are drawn; in folders, too."""
    import pty

    for name in NAMES:
        path = tmp_path / "in [/b]" / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(songs[0].read_bytes())
    terminal, end = pty.openpty()
    words = "'in [/b]' 'in [/b]/...wav' 'in [/b]/'*.wav --overwrite --plot --out out"
    process = subprocess.Popen(
        ["bash", "-c", f"{COMMAND} separate {words} --model {model} >listed"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stderr=end,
    )
    os.close(end)
    shown = b""
    with contextlib.suppress(OSError):  # when the other end is closed
        while block := os.read(terminal, 65536):
            shown += block
    os.close(terminal)
    process.wait(timeout=60)
    out = (tmp_path / "listed").read_bytes()
    assert process.returncode == 1  # the second time each name is taken already
    assert shown.count(b"was just written for another song") == 3, shown
    for name in NAMES:
        stem = name if name == b"...wav" else name[:-4]
        assert b"out/" + stem + b"/vocals.wav\n" in out, shown
        assert (tmp_path / "out" / os.fsdecode(stem) / "spectrograms.png").is_file()
    assert b"[red]" in shown and b"live [/] song" in shown and b":heart:" in shown


def _long_run(tmp_path, model):
    """Starts a separation, and waits until it writes."""
    song = tmp_path / "long.wav"
    soundfile.write(song, np.tile(music(10, 44100), (30, 1)), 44100)
    words = f"separate {song} --model {model} --out {tmp_path / 'out'} --overlap 0.9"
    process = subprocess.Popen(
        [*COMMAND.split(), *words.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while process.poll() is None and not list(tmp_path.rglob("*.part.wav")):
        time.sleep(0.01)
    return process


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_signals_leave_nothing_half(tmp_path, model, name):
    number = getattr(signal, name)
    with _long_run(tmp_path, model) as process:
        process.send_signal(number)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert err.decode() == "Stopped.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["long.wav"]


def test_what_a_killed_run_leaves_goes_with_the_next(tmp_path, songs, model):
    with _long_run(tmp_path, model) as process:
        process.kill()
        process.communicate(timeout=120)
    assert list(tmp_path.rglob("*.part*"))
    line = f"{COMMAND} separate one.wav --model {model} --out out --quiet"
    assert _shell(line, tmp_path).returncode == 0
    assert not list(tmp_path.rglob("*.part*"))
    assert _stems(tmp_path / "out") == {"one/vocals.wav", "one/accompaniment.wav"}


def test_a_folder_twice(tmp_path, songs, model):
    """Stems are no songs, also when they lie among them or were moved."""
    line = f"{COMMAND} separate . --model {model} --overwrite"
    first = _shell(line, tmp_path)
    for ending in ("", " --out .", " --out other"):
        again = _shell(line + ending, tmp_path)
        assert again.returncode == first.returncode == 0, again.stderr
        assert b"2 of 2 songs" in again.stderr and len(again.stdout.splitlines()) == 4
    assert b"8 stems of earlier runs left out" in again.stderr


FULL = """
    import re, resource, sys
    from pathlib import Path
    from ai_edge_litert import interpreter
    from keras_munet.artefact import flatbuffer, tflite
    from keras_munet.errors import is_out_of_memory
    from keras_munet.separation.runtime_litert import LiteRTRuntime
    status = Path("/proc/self/status").read_text()
    used = 1024 * int(re.search("VmSize:[^0-9]*([0-9]+)", status)[1])
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[2]) * 2**20, hard))
    try:
        LiteRTRuntime(Path(sys.argv[1]), threads=2)
    except Exception as error:
        print(is_out_of_memory(error), type(error).__name__)
    else:
        print("loaded")
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs Linux")  # noqa: PTH112
@pytest.mark.parametrize("free_mib", [8, 40, 70, 90, 110, 1000])
def test_a_model_that_does_not_fit_is_not_called_damaged(free_mib):
    from keras_munet.weights.shipped import model_path

    words = [textwrap.dedent(FULL), str(model_path("vocals")), str(free_mib)]
    done = subprocess.run(
        [sys.executable, "-c", *words], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("loaded" if free_mib == 1000 else "True"), done


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError("std::bad_alloc"), True),
        (ImportError("x.so: failed to map segment from shared object"), True),
        (OSError(12, "Cannot allocate memory"), True),
        (OSError(28, "No space left on device"), False),
        (ValueError("the file is damaged"), False),
    ],
)
def test_want_of_memory_is_known_by_its_many_names(error, expected):
    assert is_out_of_memory(error) is expected
    outer = ModelError("m.keras is damaged")
    outer.__cause__ = error
    assert is_out_of_memory(outer) is expected
