"""Tests the oldest versions that pyproject.toml allows, in a fresh environment.

    python .ci/minima.py [PYTHON]

Every `>=` of the base and of the extras below becomes `==`; then a small selection of
tests trains, stops and resumes, exports and separates.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("train", "export", "plot", "evaluate")
TESTS = (
    *("tests/test_models.py", "tests/test_layers.py", "tests/test_training_fit.py"),
    *("tests/test_export_tflite.py", "tests/test_separation_runtime.py"),
)
NAMES = "same_model or layer_contract or agree or lowers or stopped_run_goes_on"


def minima() -> list[str]:
    """Returns `package==oldest` of everything that is declared."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    texts = [
        *project["dependencies"],
        *(text for name in EXTRAS for text in extras[name]),
    ]
    oldest = {}
    for text in texts:
        if match := re.match(r"([\w-]+)>=([\d.]+)", text):
            oldest[match[1]] = match[2]
    return [f"{name}=={version}" for name, version in oldest.items()]


def main() -> None:
    """Installs and tests; fails with the tests."""
    python = sys.argv[1] if len(sys.argv) > 1 else sys.executable
    with tempfile.TemporaryDirectory() as name:
        venv = Path(name) / "venv"
        subprocess.run([python, "-m", "venv", venv], check=True)
        constraints = Path(name) / "minima.txt"
        constraints.write_text("\n".join(minima()))
        print(*minima(), flush=True)
        install = [venv / "bin" / "pip", "install", "--quiet", "-c", constraints]
        tools = ["hypothesis", "pytest", "pytest-timeout", "pytest-xdist"]
        wanted = f"{ROOT}[{','.join(EXTRAS)}]"
        subprocess.run([*install, "-e", wanted, *tools], check=True)
        pytest = [venv / "bin" / "python", "-m", "pytest", "-q", "-n", "2"]
        done = subprocess.run([*pytest, *TESTS, "-k", NAMES], cwd=ROOT)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
