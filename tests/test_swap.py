"""Several files appear whole and together or not at all, whatever stops the writer."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from keras_munet.files import Swap, replacing, sweep, write_json

LINUX = pytest.mark.skipif(sys.platform == "win32", reason="needs signals and locks")


def _tree(folder):
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else None
        for path in folder.rglob("*")
    }


def _start(program, *words):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


AT_RENAME = """
    import os, sys
    from keras_munet.files import Swap, replacing
    place, act, at = sys.argv[1], sys.argv[2], int(sys.argv[3])
    count = 0
    def hook(event, arguments):  # sees every rename before the system does
        global count
        if event == "os.rename":
            count += 1
            if count == at:
                if act == "kill":
                    os.kill(os.getpid(), 9)
                raise OSError(5, "Input/output error", "the disk")
    sys.addaudithook(hook)
"""

FOLDER = (
    AT_RENAME
    + """
    with replacing(place + "/model") as part:
        part.mkdir()
        (part / "new").write_text("new")
"""
)

STEMS = (
    AT_RENAME
    + """
    with Swap(place) as swap:
        for name in ("a", "b", "c"):
            swap.part(f"{place}/song/{name}.wav").write_text("new")
"""
)


@LINUX
@pytest.mark.parametrize("act", ["kill", "fail"])
@pytest.mark.parametrize("at", [1, 2])
def test_a_folder_is_never_lost(tmp_path, act, at):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/old").write_text("old")
    with _start(FOLDER, tmp_path, act, at) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == (-9 if act == "kill" else 1)
    assert act == "kill" or "OSError: [Errno 5] Input/output error" in err
    if act == "kill":
        with replacing(tmp_path / "other") as part:  # the next who writes there
            part.touch()
        (tmp_path / "other").unlink()
    assert _tree(tmp_path) == {"model": None, "model/old": "old"}


@LINUX
@pytest.mark.parametrize("old", [(), ("a",), ("a", "b", "c")])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_rename_that_fails_undoes_the_others(tmp_path, old, at):
    for name in old:
        (tmp_path / "song").mkdir(exist_ok=True)
        (tmp_path / f"song/{name}.wav").write_text("old")
    before = _tree(tmp_path)
    with _start(STEMS, tmp_path, "fail", at) as process:
        process.communicate(timeout=60)
    assert process.returncode == 1
    assert _tree(tmp_path) == before


@pytest.mark.parametrize("bad", ["a", "b", "c"])
@pytest.mark.parametrize("old", [False, True])
def test_one_final_name_is_a_folder(tmp_path, bad, old):
    (tmp_path / bad / "mine").mkdir(parents=True)
    for name in {"a", "b", "c"} - {bad} if old else ():
        (tmp_path / name).write_text("old")
    before = _tree(tmp_path)
    with pytest.raises(OSError, match="Is a directory"), Swap(tmp_path) as swap:
        for name in ("a", "b", "c"):
            swap.part(tmp_path / name).write_text("new")
    assert _tree(tmp_path) == before


def test_a_folder_does_not_replace_a_file(tmp_path):
    (tmp_path / "a").write_text("mine")
    with (
        pytest.raises(OSError, match="Not a directory"),
        replacing(tmp_path / "a") as part,
    ):
        part.mkdir()
    assert _tree(tmp_path) == {"a": "mine"}


def test_folders_that_were_made_go_again(tmp_path):
    with pytest.raises(KeyboardInterrupt), Swap(tmp_path / "a/b") as swap:
        swap.part(tmp_path / "a/b/c/d").write_text("half")
        raise KeyboardInterrupt
    assert _tree(tmp_path) == {}


@pytest.mark.parametrize(
    "name", ["n" * 251 + ".wav", "n" * 255, "ü" * 127, "a." + "b" * 253]
)
def test_every_name_that_fits_can_be_written(tmp_path, name):
    with replacing(tmp_path / name) as part:
        part.write_text("file")
    with replacing(tmp_path / f"{name[:100]}x") as part:
        part.mkdir()
    assert (tmp_path / name).read_text() == "file"


def test_a_name_that_does_not_fit_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(OSError, match="too long"), replacing(tmp_path / ("n" * 256)):
        raise AssertionError
    assert not list(tmp_path.iterdir())


def test_names_of_any_bytes(tmp_path):
    name = os.fsdecode(b"caf\xe9.txt")
    write_json(tmp_path / name, 1)
    write_json(tmp_path / name, 2)
    assert os.listdir(os.fsencode(tmp_path)) == [b"caf\xe9.txt"]  # noqa: PTH208


HOLD = """
    import sys
    from keras_munet.files import Swap
    with Swap(sys.argv[1]) as swap:
        swap.part(sys.argv[1] + "/a.wav").write_text("new")
        print("ready", flush=True)
        sys.stdin.read()
"""


@LINUX
def test_left_overs_go_and_those_of_a_living_process_stay(tmp_path):
    for name in (".vocals.0123abcd.part.wav", ".dead.89abcdef.part", ".01234567.part"):
        (tmp_path / name).mkdir() if name[-1] == "t" else (tmp_path / name).touch()
    (tmp_path / ".mine.part").mkdir()
    with _start(HOLD, tmp_path) as alive:
        assert alive.stdout.readline() == "ready\n"
        with _start(HOLD, tmp_path) as killed:
            assert killed.stdout.readline() == "ready\n"
            assert len(list(tmp_path.rglob("*.part.wav"))) == 2
            killed.send_signal(signal.SIGKILL)
            killed.communicate(timeout=60)
        write_json(tmp_path / "b.json", 1)
        assert len(list(tmp_path.rglob("*.part.wav"))) == 1
        alive.communicate("", timeout=60)
    assert alive.returncode == 0
    assert _tree(tmp_path) == {"a.wav": "new", "b.json": "1\n", ".mine.part": None}


def test_sweeping_where_there_is_no_folder(tmp_path):
    sweep(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def _record(monkeypatch, folder):
    """Notes what is flushed and removed; all of it still happens."""
    calls, fsync, rmtree = [], os.fsync, os.unlink

    def flushed(descriptor):
        path = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
        calls.append(("flush", os.path.relpath(path, folder)))
        fsync(descriptor)

    def removed(path, **words):
        calls.append(("remove", os.path.basename(path)))  # noqa: PTH119
        rmtree(path, **words)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "unlink", removed)
    return calls


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs Linux")  # noqa: PTH112
def test_new_bytes_and_names_are_on_the_disk_before_the_old_go(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/old").touch()
    calls = _record(monkeypatch, tmp_path)
    with replacing(tmp_path / "model") as part:
        part.mkdir()
        (part / "new").touch()
    steps = [(kind, name.rpartition("/")[2]) for kind, name in calls]
    wanted = [("flush", "new"), ("flush", ".0.part"), ("flush", "."), ("remove", "old")]
    assert [step for step in steps if step in wanted] == wanted


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs Linux")  # noqa: PTH112
def test_a_training_state_is_on_the_disk_before_the_one_before_goes(
    tmp_path, monkeypatch
):
    import keras

    from keras_munet.training.state import save_state

    variable = keras.Variable([1.0])
    save_state(tmp_path, 1, [variable], {})
    calls = _record(monkeypatch, tmp_path)
    save_state(tmp_path, 2, [variable], {})
    kinds = [kind for kind, name in calls if kind == "flush" or "epoch-" in name]
    assert kinds == ["flush"] * 4 + ["remove"]
    assert {path.name for path in tmp_path.iterdir()} == {
        "epoch-00002.npz",
        "state.json",
    }
