"""`evaluate` and `compare` as commands: exit code, stdout, stderr, files."""

import json

import numpy as np
import pytest
import soundfile
from evaluation_tools import RATE, write_data, write_estimates


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "data")


@pytest.fixture
def estimates(tmp_path):
    return write_estimates(tmp_path / "stems")


def test_evaluate_prints_a_table_and_writes_a_report(run, data, estimates, tmp_path):
    path = tmp_path / "report.json"
    outcome = run("evaluate", data, "--estimates", estimates, "--report", path)
    assert outcome.code == 0, outcome.err
    for word in ("paper protocol", "3 tracks", "vocals", "overall", "SDR", "SAR"):
        assert word in outcome.out
    assert "mixture itself" in outcome.out
    assert "±" in outcome.out
    assert "test" not in outcome.err.lower().split("scoring")[0]
    values = json.loads(path.read_text())
    assert sorted(values["tracks"]) == ["song 0", "song 1", "song 2"]
    assert values["versions"]["scipy"]
    assert values["summary"]["estimates"]["overall"]["sdr"]["n"] == 6
    again = run("evaluate", data, "--estimates", estimates, "--report", path, "-q")
    assert again.out == outcome.out
    assert again.err == ""


def test_failed_tracks_set_the_exit_code_and_keep_the_others(
    run, data, estimates, tmp_path
):
    (estimates / "song 1" / "vocals.wav").write_bytes(b"no audio")
    path = tmp_path / "report.json"
    outcome = run("evaluate", data, "--estimates", estimates, "--report", path)
    assert outcome.code == 1
    assert "Not scored: song 1:" in outcome.err
    assert "vocals.wav" in outcome.err
    assert "2 tracks" in outcome.out
    assert sorted(json.loads(path.read_text())["tracks"]) == ["song 0", "song 2"]


def test_odd_and_empty_folders_leave_their_track_out(run, data, estimates, tmp_path):
    """Of the estimates or of the data, first in the list or last."""
    for path in (estimates / "song 0").iterdir():
        path.unlink()
    (data / "test" / "an empty one").mkdir()
    (data / "test" / "notes").mkdir()
    (data / "test" / "notes" / "read me.txt").write_text("no stem")
    path = tmp_path / "report.json"
    outcome = run("evaluate", data, "--estimates", estimates, "--report", path)
    assert outcome.code == 1, outcome.err
    values = json.loads(path.read_text())
    assert sorted(values["tracks"]) == ["song 1", "song 2"]
    assert sorted(values["failed"]) == ["an empty one", "notes", "song 0"]
    assert "an empty one holds no stems. It holds: nothing." in outcome.err
    assert "notes holds no stems. It holds: read me.txt." in outcome.err
    assert "song 0 has no stem 'vocals'" in outcome.err
    assert "2 tracks" in outcome.out


def test_silence_is_said(run, data, estimates, tmp_path):
    silent = np.zeros((round(1.5 * RATE), 2))
    soundfile.write(estimates / "song 1" / "vocals.wav", silent, RATE)
    path = tmp_path / "report.json"
    outcome = run("evaluate", data, "--estimates", estimates, "--report", path, "-q")
    assert outcome.code == 0
    assert "Silent estimates in song 1: vocals" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Say what to score"),
        (("--model", "m", "--estimates", "e"), "exclude each other"),
        (("--oracle", "--stem-name", "vocals"), "SOURCE=FILE"),
    ],
)
def test_usage_errors_exit_with_2(run, data, tmp_path, arguments, message):
    report = tmp_path / "report.json"
    outcome = run("evaluate", data, "--report", report, *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert not report.exists()


def test_a_report_must_be_json(run, data, tmp_path):
    outcome = run("evaluate", data, "--report", tmp_path / "report.csv", "--oracle")
    assert outcome.code == 2
    assert ".json" in outcome.err


def test_missing_data_and_model_exit_with_1(run, data, tmp_path):
    report = tmp_path / "report.json"
    outcome = run("evaluate", tmp_path / "no", "--report", report, "--oracle")
    assert (outcome.code, "There is no folder" in outcome.err) == (1, True)
    outcome = run("evaluate", data, "--report", report, "--model", tmp_path / "no")
    assert (outcome.code, "No model at" in outcome.err) == (1, True)


def test_compare_says_in_words_and_draws(run, data, estimates, tmp_path):
    worse = write_estimates(tmp_path / "worse", noise=0.05)
    for name, folder in (("good", estimates), ("bad", worse)):
        path = tmp_path / f"{name}.json"
        outcome = run("evaluate", data, "--estimates", folder, "--report", path, "-q")
        assert outcome.code == 0
    plot, table = tmp_path / "plot.png", tmp_path / "table.json"
    outcome = run(
        *("compare", tmp_path / "good.json", tmp_path / "bad.json"),
        *("--plot", plot, "--json", table),
    )
    assert outcome.code == 0, outcome.err
    assert "no difference shown between good and bad" in outcome.out
    assert "With fewer than 6 songs" in outcome.out
    assert plot.read_bytes().startswith(b"\x89PNG")
    (comparison,) = json.loads(table.read_text())
    assert comparison["differences"][0]["mean"] < -3
    assert comparison["differences"][0]["shown"] is False


def test_compare_refuses_what_cannot_be_compared(run, data, estimates, tmp_path):
    for protocol in ("paper", "full-band"):
        path = tmp_path / f"{protocol}.json"
        options = ("--report", path, "--protocol", protocol, "-q")
        run("evaluate", data, "--estimates", estimates, "--track", "song 0", *options)
    outcome = run("compare", tmp_path / "paper.json", tmp_path / "full-band.json")
    assert outcome.code == 1
    assert "protocol is 'full-band', not 'paper'" in outcome.err
    assert run("compare", tmp_path / "paper.json").code == 2
    twice = run("compare", tmp_path / "paper.json", tmp_path / "paper.json")
    assert twice.code == 2
    assert "given twice" in twice.err
