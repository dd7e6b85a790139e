"""What messages advise must be there: options that a command takes."""

import ast
import re
from pathlib import Path

import click
import pytest

from keras_munet.cli.main import cli

PACKAGE = Path(__file__).resolve().parents[1] / "keras_munet"
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
OTHERS = {
    "--force-reinstall": "pip",
    "--logdir": "tensorboard",
    "--normalization": "benchmarks/training_step.py",
    "--pipe": "a speech synthesiser",
    "--setf": "a speech synthesiser",
    "--xla": "XLA",
}
"""Options of other programs that our texts name."""


def _options(command):
    """All options of a command and of those below it."""
    for parameter in command.params:
        yield from (*parameter.opts, *parameter.secondary_opts)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from _options(command.get_command(context, name))


def _named(text):
    """Options that the strings of a Python file name, docstrings among them."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from OPTION.findall(node.value)


def test_every_option_that_a_text_names_is_one():
    known = {*_options(cli), "--help", *OTHERS}
    wrong = [
        f"{path.relative_to(PACKAGE)} names {option}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for option in _named(path.read_text(encoding="utf-8"))
        if option not in known
    ]
    assert not wrong


@pytest.mark.parametrize("text", ['log.warning("try --output-bias 1")', 'f"--x {y}"'])
def test_a_planted_option_is_found(text):
    assert len(list(_named(text))) == 1
