"""The page's own unit tests, and the vectors that they share with Python."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import web_vectors
from web_tools import WEB


def test_vectors_are_what_python_gives_today():
    for name, values in web_vectors.vectors().items():
        kept = json.loads((web_vectors.FOLDER / name).read_text())
        fresh = json.loads(json.dumps(values))
        assert same(kept, fresh), f"{name}: renew with `python tests/web_vectors.py`"


def same(kept, fresh) -> bool:
    """Equal up to the last bit of 16-bit samples and the sixth digit of others."""
    if isinstance(kept, dict):
        return kept.keys() == fresh.keys() and all(
            same(kept[k], fresh[k]) for k in kept
        )
    if isinstance(kept, list) and kept and isinstance(kept[0], dict | list):
        return len(kept) == len(fresh) and all(map(same, kept, fresh))
    if isinstance(kept, list) and kept and isinstance(kept[0], int | float):
        atol = 1 if isinstance(kept[0], int) else 2e-6
        return len(kept) == len(fresh) and np.allclose(kept, fresh, rtol=0, atol=atol)
    return bool(kept == fresh)


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("node") is None or not (WEB / "node_modules" / "vitest").is_dir(),
    reason="no Node.js, or web/node_modules is missing: run `make web`",
)
def test_unit_tests_of_the_page_pass():
    vitest = WEB / "node_modules" / "vitest" / "vitest.mjs"
    done = subprocess.run(
        ["node", str(vitest), "run"],
        cwd=WEB,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_lock_file_names_no_download_host():
    text = (WEB / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert Path(WEB / "package.json").read_text().count("^") == 0  # exact versions
