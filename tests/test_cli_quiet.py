"""What libraries say on standard error: kept back by the command line alone."""

import os
import subprocess
import sys
import textwrap

import pytest
from separation_tools import tiny_models

from keras_munet.cli.quiet import stderr_aside


def _run(program, *words):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program), *words],
        capture_output=True,
        text=True,
        check=True,
    )


def test_the_library_leaves_standard_error_to_others():
    """A service's log has every line, though a model is loaded meanwhile."""
    program = """
        import os, sys, threading, time
        from ai_edge_litert.interpreter import Interpreter
        from keras_munet.separation.runtime import open_runtime
        loaded = threading.Event()
        def log():
            n = 0
            while not loaded.is_set():
                n += os.write(2, b"line of a log\\n") > 0
                time.sleep(1e-4)
            print(n)
        thread = threading.Thread(target=log)
        thread.start()
        for _ in range(10):
            open_runtime(sys.argv[1])
        loaded.set()
        thread.join()
    """
    done = _run(program, str(tiny_models().tflite))
    assert done.stderr.count("line of a log\n") == int(done.stdout) > 0


def test_litert_greets_once_and_aside():
    program = """
        import sys
        from keras_munet.cli.quiet import greet_quietly
        from keras_munet.separation.runtime import open_runtime
        if sys.argv[2:]:
            greet_quietly()
        open_runtime(sys.argv[1])
        assert not {"tensorflow", "keras"} & set(sys.modules)
    """
    model = str(tiny_models().tflite)
    assert "delegate" in _run(program, model).stderr  # or all this can go
    assert _run(program, model, "quietly").stderr == ""


def test_what_was_kept_back_is_shown_on_failure(capfd):
    with stderr_aside():
        os.write(2, b"greeting\n")
    with pytest.raises(ZeroDivisionError), stderr_aside():
        os.write(2, b"reason\n")
        _ = 1 / 0
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "reason\nafter\n"
