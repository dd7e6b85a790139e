"""A light installation separates; all else names the one pip line that brings it."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import numpy as np
import pytest
import soundfile
from packaging.requirements import Requirement

from keras_munet.errors import MissingExtraError
from keras_munet.extras import EXTRAS, advising

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

IMPORTED_AS = {  # where `import` has another name
    "ai-edge-litert": ["ai_edge_litert"],
    "musdb": ["musdb", "stempeg"],  # stempeg brings the real excerpt
    "tensorflow-serving-api": ["tensorflow_serving"],
    "tensorflow-io": ["tensorflow_io"],
    "grpcio": ["grpc"],
    "pyfluidsynth": ["fluidsynth"],
    "setuptools": [],  # pyworld's
}


def requirements(extra=None):
    """The names of what an extra brings, other extras resolved; None: of the base."""
    extras = PROJECT["optional-dependencies"]
    for text in PROJECT["dependencies"] if extra is None else extras[extra]:
        requirement = Requirement(text)
        if requirement.name == PROJECT["name"]:
            for other in requirement.extras:
                yield from requirements(other)
        else:
            yield requirement.name


def imported(names):
    return {found for name in names for found in IMPORTED_AS.get(name, [name])}


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_table_says_what_pyproject_brings(extra):
    assert set(EXTRAS[extra].packages) == imported(requirements(extra))


def test_the_page_on_installing_names_every_extra():
    rows = [f"| `{name}` | {use} |" for name, (use, _) in EXTRAS.items()]
    page = (ROOT / "docs" / "install.md").read_text()
    assert page.partition("|---|---|\n")[2].partition("\n\n")[0].splitlines() == rows


def test_extras_that_are_not_in_the_table_are_for_developers():
    others = set(PROJECT["optional-dependencies"]) - set(EXTRAS)
    assert others == {"docs", "test"}


def third_parties(folder):
    """Top-level names of other packages that the Python files of a folder import."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"keras_munet"}


def test_every_import_is_declared_and_every_dependency_is_used():
    base = imported(requirements())
    optional = {name for _, names in EXTRAS.values() for name in names}
    used = third_parties(ROOT / "keras_munet")
    assert used <= base | optional
    assert base <= used
    found_by_path = {"museval", "stempeg"}  # their packages need ffmpeg programs
    asked_before = {"musdb"}  # recipes/musdb18.py
    by_tensorflow = {"tensorboard"}
    by_keras = {"jax"}
    unused = optional - used - found_by_path - asked_before - by_tensorflow - by_keras
    assert not unused


def test_other_missing_modules_stay_bugs():
    with pytest.raises(ModuleNotFoundError, match="no_such_module"), advising():
        import no_such_module  # noqa: F401


def test_the_extra_that_is_asked_for_is_named_where_it_has_the_package(monkeypatch):
    for package, extra, named in [
        ("scipy", "evaluate", "evaluate"),
        ("keras", "evaluate", "train"),
        ("matplotlib", None, "plot"),
    ]:
        monkeypatch.setitem(sys.modules, package, None)
        line = rf"^{package} is not .* pip install 'keras-munet\[{named}\]'$"
        with pytest.raises(MissingExtraError, match=line), advising(extra):
            __import__(package)


@pytest.fixture(scope="session")
def light(tmp_path_factory):
    """A virtual environment with the base's dependencies, and theirs, and no more.

    They are linked from where the tests run, so that nothing is downloaded.
    """
    folder = tmp_path_factory.mktemp("light")
    venv.create(folder / "venv")
    (place,) = (folder / "venv").rglob("site-packages")
    waiting, done = list(requirements()), set()
    while waiting:
        distribution = importlib.metadata.distribution(waiting.pop())
        if distribution.name in done:
            continue
        done.add(distribution.name)
        for file in {file.parts[0] for file in distribution.files} - {"..", "bin"}:
            if not (place / file).exists() and file != "__pycache__":
                (place / file).symlink_to(distribution.locate_file(file))
        for text in distribution.requires or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                waiting.append(needed.name)
    python = folder / "venv" / "bin" / "python"

    def run(*arguments, cwd=folder):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [python, *map(str, arguments)],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
        )

    rng = np.random.default_rng(0)
    soundfile.write(folder / "song.wav", rng.normal(0, 0.1, 300_000), 44100)
    (folder / "model.keras").write_bytes(b"PK\3\4")
    (folder / "munet.pth").touch()
    (folder / "data" / "a").mkdir(parents=True)
    for stem in ("vocals", "mixture"):
        (folder / "data" / "a" / f"{stem}.wav").symlink_to(folder / "song.wav")
    return run


COMMANDS = {
    "synth songs --tracks 1": "train",
    "synth songs --tracks 1 --engine studio": "studio",
    "fit cache --run run": "train",
    "cost": "train",
    "separate song.wav --model model.keras": "train",
    "separate song.wav --plot": "plot",
    "evaluate data --model vocals --report a.json": "evaluate",
    "compare a.json b.json": "evaluate",
    "export tflite model.keras a.tflite": "export",
    "export saved-model model.keras a": "export",
    "export verify a.tflite --model model.keras": "export",
    "export serving model.keras a": "serving",
    "remote-separate song.wav --server grpc://localhost:1": "serving",
    "import-weights munet.pth a.keras": "torch",
    "reproduce table-2 --out a": "all",
    "demo": "all",
}


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_without_its_extra_says_the_pip_line(line, light):
    done = light("-m", "keras_munet.cli.main", *line.split())
    assert (done.returncode, done.stdout) == (1, "")
    wanted = r"(Error: )(song\.wav: )?\w+ is not installed. Install it with:  "
    wanted += rf"pip install 'keras-munet\[{COMMANDS[line]}\]'\n"
    assert re.fullmatch(wanted, done.stderr.splitlines(keepends=True)[0])
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "code",
    ["keras_munet.build_network", "keras_munet.Separator.load('model.keras')"],
)
def test_python_says_it_too(code, light):
    done = light("-c", f"import keras_munet; {code}")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "MissingExtraError" in last
    assert last.endswith("pip install 'keras-munet[train]'")


def test_light_is_enough_to_separate(light, rng, tmp_path):
    song = tmp_path / "noise.wav"
    soundfile.write(song, rng.normal(0, 0.1, (30_000, 2)), 44100)
    separate = ("-m", "keras_munet.cli.main", "separate", song, "--quiet")
    done = light(*separate, "--out", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    stems = [soundfile.read(path, dtype="int16")[0] for path in done.stdout.split()]
    assert len(stems) == 2
    assert np.array_equal(sum(stems), soundfile.read(song, dtype="int16")[0])


def test_light_is_enough_for_the_other_commands_of_the_base(light):
    for line, code, said in [
        ("models", 0, "4stems"),
        ("doctor", 0, "pip install 'keras-munet[train]'"),
        (
            "remote-separate song.wav --server http://localhost:1 --retries 0",
            1,
            "reach",
        ),
        ("prepare data cache --sources vocals", 0, ""),
    ]:
        done = light("-m", "keras_munet.cli.main", *line.split())
        assert done.returncode == code, done.stderr
        assert said in done.stdout + done.stderr
        assert "not installed" not in done.stderr
