"""Sizes of installations and times of first runs, beside Spleeter's and Demucs's.

    python benchmarks/install.py keras-munet keras-munet[train] spleeter demucs

Each in a fresh virtual environment of its own, removed afterwards, with pip's cache as
it is. Times are of the clock and, in brackets, of the processor, which other work on
the machine changes less. Spleeter gets a Python 3.10 (`--python310`), Demucs the CPU
build of PyTorch. Both download their weights when they first separate; that is not
measured, and their times are of the import of what separates, before any song.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SONG_S = 30

SONG = f"""
import numpy as np, soundfile
rng = np.random.default_rng(0)
soundfile.write("song.wav", rng.normal(0, 0.1, ({SONG_S} * 44100, 2)), 44100)
"""
KERAS = "import keras_munet as m; m.build_network(m.preset('mobile-2src').model)"

INSTALLS = {  # package -> what pip installs, step by step
    "keras-munet": [[str(ROOT)]],
    "keras-munet[train]": [[f"{ROOT}[train]"]],
    "spleeter": [["spleeter"]],
    "demucs": [["torch==2.13.0"], ["torch==2.13.0", "numpy", "demucs"]],
}
RUNS = {  # package -> what is timed: words after the environment's Python
    "keras-munet": {
        "import": ["-c", "from keras_munet import Separator; Separator.load()"],
        f"a song of {SONG_S} s": ["-m", "keras_munet.cli.main", "separate", "song.wav"],
    },
    "keras-munet[train]": {"a network in memory": ["-c", KERAS]},
    "spleeter": {"import": ["-c", "import spleeter.separator, tensorflow"]},
    "demucs": {"import": ["-c", "import demucs.apply, demucs.htdemucs"]},
}


class Took(NamedTuple):
    """Seconds of the clock and of the processor."""

    clock_s: float
    processor_s: float

    def __str__(self) -> str:
        return f"{self.clock_s:.1f} s ({self.processor_s:.1f} s)"


def _processor_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def timed(command: list[str | Path], folder: Path) -> Took:
    """Runs a command; returns how long it took."""
    began, processor_s = time.monotonic(), _processor_s()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command} fails:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return Took(time.monotonic() - began, _processor_s() - processor_s)


def measure(package: str, python: str) -> None:
    """Installs one package and prints its figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        timed([python, "-m", "venv", folder / "venv"], folder)
        own = folder / "venv" / "bin" / "python"
        pip = [own, "-m", "pip", "install", "--quiet"]
        installs = [timed([*pip, *words], folder) for words in INSTALLS[package]]
        (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
        n_distributions = len(list(packages.glob("*.dist-info")))
        size = subprocess.run(["du", "-sm", packages], capture_output=True, text=True)
        print(
            f"{package}: {n_distributions} distributions, {size.stdout.split()[0]} MB, "
            f"installed in {Took(*map(sum, zip(*installs, strict=True)))}",
            flush=True,
        )
        if package == "keras-munet":
            timed([own, "-c", SONG], folder)
        for title, words in RUNS[package].items():
            first = timed([own, *words], folder)
            second = timed([own, *words, *_again(words)], folder)
            print(f"  {title}: {first} the first time, then {second}", flush=True)


def _again(words: list[str]) -> list[str]:
    return ["--overwrite"] if "separate" in words else []


def main() -> None:
    """Measures the packages that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="+", choices=INSTALLS)
    parser.add_argument("--python310", default="python3.10")
    options = parser.parse_args()
    for package in options.packages:
        python = options.python310 if package == "spleeter" else sys.executable
        measure(package, python)


if __name__ == "__main__":
    main()
