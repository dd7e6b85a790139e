"""The frame: imports point one way, starting is quick, errors have exit codes."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import keras_munet
from keras_munet.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "keras_munet"

MAY_IMPORT = {  # rooms, each with those that it may import; none is named before it
    "config": {"json_config", "errors"},
    "extras": {"errors"},
    "swap": set(),
    "files": {"errors", "swap"},
    "workers": {"errors"},
    "dsp": {"config"},
    "layers": set(),
    "artefact": set(),
    "audio": set(),
    "weights": set(),
    "models": {"layers", "artefact"},
    "training": {"models", "layers"},
    "data": {"audio", "layers"},
    "music": {"audio"},
    "studio": {"audio", "music"},
    "separation": {"artefact", "audio", "models", "weights"},
    "evaluation": {"audio", "data", "separation", "weights"},
    "interop": {"models"},
    "export": {"artefact", "audio", "models", "music", "separation", "weights"},
    "reproduction": {"data", "evaluation", "music", "training"},
    "cli": {
        *("artefact", "audio", "data", "evaluation", "export", "interop", "models"),
        *("music", "reproduction", "separation", "studio", "training", "weights"),
    },
}
COMMON = {
    *("config", "json_config", "presets", "errors", "extras", "files", "dsp"),
    *("swap", "workers"),
}
"""Files of the top level that every room may import."""


def _imported_rooms(text):
    """The rooms of keras_munet that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(text)):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            words = name.split(".")
            if words[0] == "keras_munet" and len(words) > 1:
                yield words[1]


def _wrong_imports(room, text):
    common = COMMON if (PACKAGE / room).is_dir() else set()
    return set(_imported_rooms(text)) - MAY_IMPORT[room] - common - {room}


def _files(room):
    folder = PACKAGE / room
    return folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_point_one_way(room):
    for path in _files(room):
        wrong = _wrong_imports(room, path.read_text())
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_rooms_make_no_circle_and_none_is_forgotten():
    seen = {"json_config", "errors", "presets", "__init__"}
    for room, others in MAY_IMPORT.items():
        assert others <= seen, f"{room} is named before what it may import"
        seen.add(room)
    there = {path.stem for path in PACKAGE.glob("*.py")}
    assert seen == there | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


@pytest.mark.parametrize(
    ("room", "line", "wrong"),
    [
        ("separation", "from keras_munet.export.graph import x", "export"),
        ("music", "def f():\n    from keras_munet import studio", "studio"),
        ("files", "import keras_munet.audio.writer", "audio"),
        ("dsp", "from keras_munet.files import replacing", "files"),
    ],
)
def test_a_planted_import_is_found(room, line, wrong):
    assert _wrong_imports(room, line) == {wrong}


@pytest.mark.parametrize(
    ("package", "home"),
    [("musdb", "data/tracks.py"), ("mir_eval", "evaluation/mir_eval_backend.py")],
)
def test_a_shaky_dependency_lives_in_one_file(package, home):
    users = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if any(name.split(".")[0] == package for name in names):
                users.append(str(path.relative_to(PACKAGE)))
    assert set(users) <= {home}


def test_importing_the_package_loads_no_tensorflow_and_says_nothing():
    code = (
        "import keras_munet, sys; keras_munet.FitConfig;"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_public_name_is_there():
    for name in keras_munet.__all__:
        assert getattr(keras_munet, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        keras_munet.nonsense  # noqa: B018


@pytest.mark.parametrize("name", ["cli", "export"])
def test_the_links_at_the_top_are_no_packages(name, tmp_path):
    assert (ROOT / name).resolve() == PACKAGE / name
    done = subprocess.run(
        [sys.executable, "-c", f"import {name}"], cwd=tmp_path, capture_output=True
    )
    assert b"ModuleNotFoundError" in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_explanation(name, run):
    code, out, _ = run(name, "--help")
    assert code == 0
    assert out.startswith(f"Usage: keras-munet {name}")
    assert len(out) > 200


def test_help_lists_every_command_without_importing_any():
    code = (
        "import sys; from keras_munet.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'rich', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in COMMANDS:
        assert name in done.stdout


def test_usage_errors_exit_with_2_and_user_errors_with_1(run, tmp_path):
    code, out, err = run("fit")
    assert (code, out) == (2, "")
    assert "Missing argument 'DATA'" in err
    code, out, err = run("nonsense")
    assert code == 2
    code, out, err = run("fit", tmp_path / "none", "--run", tmp_path / "run")
    assert (code, out) == (1, "")
    assert err.startswith("Error: ")


def test_a_full_disk_is_said_in_words(run, monkeypatch, tmp_path):
    import errno

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", "cache/shard")

    monkeypatch.setattr("keras_munet.data.cache.open_dataset", full)
    code, _, err = run("fit", tmp_path, "--run", tmp_path / "run")
    assert code == 1
    assert err == (
        "Error: No space left on device: cache/shard. Free some space and run the "
        "same command again.\n"
    )


def test_ctrl_c_exits_with_130(run, monkeypatch, tmp_path):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("keras_munet.data.cache.open_dataset", interrupt)
    code, _, err = run("fit", tmp_path, "--run", tmp_path / "run")
    assert (code, err.strip()) == (130, "Stopped.")


def test_no_file_names_a_download_host():
    hosts = ("files.pythonhosted" + ".org", "registry.npmjs" + ".org")
    done = subprocess.run(
        ["git", "grep", "-l", "-F", *(f"-e{host}" for host in hosts)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout == ""
