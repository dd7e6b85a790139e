"""Damaged files of twelve formats: none hangs, none is more than an error of ours.

`python tests/fuzz_reader.py 0 1000` reads a thousand and prints what became of them.
"""

import json
import queue
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

N_FILES = 200
SLOWEST_S = 10
START_S = 120
"""What the program may take to begin: it makes the files, on a machine that is busy."""

FRAME = 4096
"""Samples of the largest frame among the codecs."""

UNPROVABLE = {"adts", "ts"}
"""Formats that cannot tell that they were cut."""


@pytest.fixture(scope="module")
def results():
    """Runs the program; a file that hangs or kills it fails by name."""
    program = Path(__file__).with_name("fuzz_reader.py")
    command = [sys.executable, str(program), "0", str(N_FILES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = queue.Queue()
        thread = threading.Thread(
            target=lambda: [lines.put(line) for line in process.stdout], daemon=True
        )
        thread.start()
        found, case, wait_s = [], "the start", START_S
        try:
            for _ in range(N_FILES):
                case = json.loads(lines.get(timeout=wait_s))
                result = json.loads(lines.get(timeout=START_S))
                found.append({**case, **result})
                wait_s = START_S
        except queue.Empty:
            process.kill()
            pytest.fail(f"hangs, or died: {case}")
        thread.join()
        assert process.wait() == 0
    return found


def test_nothing_takes_long(results):
    slowest = max(results, key=lambda result: result["seconds"])
    assert slowest["seconds"] < SLOWEST_S, slowest
    assert {result["format"] for result in results} >= {"wav", "ogg", "m4a", "webm"}


def test_what_ffmpeg_decodes_is_read(results):
    for result in results:
        if result["ffmpeg"]:
            assert result["outcome"] != "refused", result
            assert result["n_samples"] >= result["ffmpeg"] - FRAME, result


def test_what_is_decoded_to_the_end_is_not_called_broken_off(results):
    checked = 0
    for result in results:
        if result["kind"] in ("hole", "join") and result["to_end"]:
            assert result["outcome"] == "read", result
            checked += 1
    assert checked > N_FILES // 5


def test_what_was_cut_is_told(results):
    outcomes = Counter()
    for result in results:
        if result["kind"] == "cut" and result["format"] not in UNPROVABLE:
            lacks = not result["to_end"] and result.get("n_samples") != 2 * 44100
            assert result["outcome"] != "read" or not lacks, result
            outcomes[result["outcome"]] += 1
    assert outcomes["broken off"] > N_FILES // 10
