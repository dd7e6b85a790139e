"""The commands of docs/evaluate.md and docs/reproduce.md, run as they stand."""

import re
import shlex
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"


def _commands(page: str) -> list[list[str]]:
    blocks = re.findall(r"```console\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    prefix = "$ keras-munet "
    assert all(line.startswith(prefix) for line in lines)
    return [shlex.split(line.removeprefix(prefix)) for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize("page", ["evaluate.md", "reproduce.md"])
def test_every_command_of_the_page_works(page, tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    for words in _commands(page):
        code, out, err = run(*words)
        assert code == 0, (words, err)
        assert "Traceback" not in err
    if page == "evaluate.md":
        assert "difference shown" in out
        assert (tmp_path / "difference.png").is_file()
    else:
        assert "2 of 8 rows are done" in out
        assert (tmp_path / "try" / "figure-2.png").is_file()


@pytest.mark.parametrize("page", ["evaluate.md", "reproduce.md"])
def test_every_option_that_the_page_names_exists(page, run):
    text = (DOCS / page).read_text()
    commands = ("evaluate", "compare", "reproduce", "synth")
    known = "".join(run(command, "--help").out for command in commands)
    for option in set(re.findall(r"(?<!\w)--[a-z][a-z-]+", text)):
        assert option in known, option
