"""The demo, small: every step leaves what it says, and it can be repeated."""

from pathlib import Path

import pytest
from weights_tools import stand_in

pytestmark = pytest.mark.slow

SMALL = ("--tracks", 4, "--seconds", 12, "--epochs", 2, "--width", 2)


def test_the_demo_leaves_stems_pictures_scores_and_a_model(run, tmp_path, monkeypatch):
    weights = stand_in(tmp_path / "weights", monkeypatch)
    out = tmp_path / "demo out"
    code, text, err = run("demo", "--out", out, *SMALL)
    assert code == 0, err
    assert "A generated song that training never saw" in text
    assert "Real music: the MUSDB18 excerpt" in text
    assert text.count("mixture itself") == 2
    named = [
        line.split("   ", 1)[1].strip()
        for line in text.splitlines()
        if line.startswith(("Stems", "Picture"))
    ]
    assert len(named) == 3 + 6
    assert "come with the package (vocals), SDR in dB: vocals " in text
    for place in named:
        path = Path(place)
        assert path.is_dir() or path.stat().st_size > 10_000
    for name in ("generated", "excerpt", "excerpt-shipped"):
        stems = {path.name for path in (out / "stems" / name).glob("*.wav")}
        assert len(stems) == 2
        assert (out / f"report-{name}.json").is_file()
    model = (out / "run" / "model.keras").read_bytes()

    (weights / "vocals.tflite").unlink()
    code, text, err = run("demo", "--out", out, *SMALL)
    assert code == 0, err
    assert "Finished before" in text
    assert "are not there: left out" in err and "come with the package" not in text
    assert (out / "run" / "model.keras").read_bytes() == model
