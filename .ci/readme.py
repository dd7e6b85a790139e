"""Runs the README's commands from a plain `pip install .` in a fresh environment.

    python .ci/readme.py [PYTHON]

In order and as they stand there, but for training, which is made short. The light
installation must stay light.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIGHT_MB = 420
"""What `pip install .` may take, in MB of 2**20 bytes."""

SHORTER = {
    "--tracks 16 --seconds 30": "--tracks 4 --seconds 24",
    "--epochs 100": "--epochs 1 --preset tiny-2src --batch-size 2",
}
SONG = """
import numpy as np, soundfile
t = np.arange(10 * 44100)[:, None] / 44100
noise = np.random.default_rng(0).normal(0, 0.05, (len(t), 2))
soundfile.write("song.mp3", 0.3 * np.sin(2 * np.pi * 220 * t) + noise, 44100)
"""


def commands() -> list[str]:
    """Returns the README's shell commands, without comments and `make`."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\$ (.*?)(?:\s+#.*)?$", text, re.MULTILINE)
    return [line for line in lines if not line.startswith("make ")]


def size_mb(folder: Path) -> float:
    """Returns what the files below a folder take on disk."""
    done = subprocess.run(["du", "-sm", folder], capture_output=True, text=True)
    return float(done.stdout.split()[0])


def main() -> None:
    """Runs all; fails with the first that fails."""
    python = sys.argv[1] if len(sys.argv) > 1 else sys.executable
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([python, "-m", "venv", folder / "venv"], check=True)
        (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
        path = f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "PYTHONPATH": ""}
        for command in commands():
            for long, short in SHORTER.items():
                command = command.replace(long, short)
            pip = command.startswith("pip install")
            command = command.replace("pip install", "pip install --quiet")
            began = time.monotonic()
            subprocess.run(
                ["bash", "-c", command],
                cwd=ROOT if pip else folder,
                env=environment,
                check=True,
            )
            took = f"{time.monotonic() - began:.0f} s"
            print(f"{took:>6}  {command}", flush=True)
            if pip:
                print(f"        {size_mb(packages):.0f} MB installed", flush=True)
            if command.endswith("."):
                if size_mb(packages) > LIGHT_MB:
                    sys.exit(f"The light installation is over {LIGHT_MB} MB.")
                subprocess.run(
                    [folder / "venv" / "bin" / "python", "-c", SONG],
                    cwd=folder,
                    check=True,
                )
        stems = sorted(path.name for path in (folder / "stems").rglob("*.wav"))
        if stems != ["accompaniment.wav", "vocals.wav"]:
            sys.exit(f"The last command left {stems}.")


if __name__ == "__main__":
    main()
