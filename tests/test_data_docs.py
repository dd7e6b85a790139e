"""The commands and the code of docs/data.md run as they stand."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "data.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_page(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for line in "".join(blocks("console")).splitlines():
        assert line.startswith("$ keras-munet ")
        result = run(*line.split()[2:])
        assert (result.code, result.err) == (0, "")
    names = {}
    for code in blocks("python"):
        exec(compile(code, str(PAGE), "exec"), names)
    assert "(2, 65280, 5)" in capsys.readouterr().out
