"""Node, Chromium and the built page, for the browser tests and the benchmark."""

import contextlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_munet.export.web.page import STATIC
from keras_munet.export.web.server import PageServer

WEB = Path(__file__).parents[1] / "web"
LIMIT_S = 500


def chromium() -> str | None:
    """Returns the browser's path, or None."""
    named = os.environ.get("CHROMIUM")
    found = named or shutil.which("chromium") or shutil.which("chromium-browser")
    return found or None


def missing() -> str | None:
    """Returns why browser tests cannot run here; None where they can."""
    if shutil.which("node") is None:
        return "no Node.js: install it to run the browser tests"
    if chromium() is None:
        return "no Chromium: apt-get install chromium, or set CHROMIUM to its path"
    if not (STATIC / "index.html").is_file():
        return "the karaoke page is not built: run `make web`"
    if not (WEB / "node_modules" / "playwright-core").is_dir():
        return "web/node_modules is missing: run `make web`"
    return None


def browse(scenario: str, **settings: Any) -> Any:
    """Runs a scenario of web/e2e in Chromium; returns what it saw."""
    command = ["node", str(WEB / "e2e" / "run.mjs"), scenario]
    values = json.dumps({"chromium": chromium(), **settings}, default=str)
    done = subprocess.run(
        [*command, values], capture_output=True, text=True, timeout=LIMIT_S
    )
    if done.returncode:
        raise RuntimeError(f"{scenario} failed:\n{done.stdout}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def serving(folder: Path, *, isolated: bool = True) -> Iterator[str]:
    """Serves a folder on a free port; gives the address."""
    with PageServer(folder, port=0, isolated=isolated) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


def snr_db(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Returns the ratio of a signal to its difference from another, in dB."""
    error = estimate.astype(np.float64) - reference
    power = np.sum(reference.astype(np.float64) ** 2)
    return float(10 * np.log10(power / max(float(np.sum(error**2)), 1e-20)))
