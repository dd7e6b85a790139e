"""Fixtures that several test files use."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from keras_munet.data.excerpt import excerpt as find_excerpt


@pytest.fixture(scope="session")
def excerpt() -> Path:
    """The real MUSDB18 excerpt that stempeg ships: 5 streams, 44.1 kHz stereo."""
    return find_excerpt()


@pytest.fixture
def rng() -> np.random.Generator:
    """A fresh seeded generator."""
    return np.random.default_rng(0)


class Outcome(NamedTuple):
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys) -> Callable[..., Outcome]:
    """Runs `keras-munet ...` in this process, through the real error boundary."""
    from keras_munet.cli.main import main

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        return Outcome(int(stop.value.code or 0), *capsys.readouterr())

    return run
