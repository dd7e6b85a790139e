"""The paper as data, and one small row from training to report."""

import json
import math
from dataclasses import replace

import pytest

from keras_munet.errors import DataError, MunetError
from keras_munet.evaluation.report import Report, TrackReport
from keras_munet.reproduction.experiments import paper, paper_scores, rows
from keras_munet.reproduction.reproduce import reproduce_figure_2, reproduce_table
from keras_munet.reproduction.runs import Workshop, reproduce_row
from keras_munet.reproduction.scales import SCALES
from keras_munet.reproduction.summary import mean_report

SMOKE = replace(SCALES["smoke"], n_tracks=3, n_test_tracks=1, seconds=5.0)


@pytest.mark.parametrize(("table", "n_sources"), [("table-2", 2), ("table-3", 4)])
def test_every_row_of_the_paper_is_there_with_its_numbers(table, n_sources):
    setting = {2: "two_sources", 4: "four_sources"}[n_sources]
    titles = [row.title for row in rows(table)]
    assert titles == list(paper()[setting]) or set(titles) == set(paper()[setting])
    for row in rows(table):
        scores = paper_scores(row)
        assert set(scores) == {*row.sources, "overall"}
        means = [scores[source][0] for source in row.sources]
        assert scores["overall"][0] == pytest.approx(sum(means) / n_sources, abs=0.011)


def test_table_2_reads_as_printed():
    row = rows("table-2")[5]
    assert row.title == "EBW_InstP1"
    assert paper_scores(row)["vocals"] == [5.28, 4.60, 5.79]


def test_rows_set_what_the_paper_says():
    two = {row.name: row for row in rows("table-2")}
    four = {row.name: row for row in rows("table-3")}
    scale = SCALES["paper"]
    assert scale.config(two["2src-ebw-p2"], 0).learning_rate == pytest.approx(0.001)
    assert scale.config(four["4src-ebw-p2"], 0).learning_rate == pytest.approx(0.01)
    assert scale.config(two["2src-c-u-net"], 0).model.unet.architecture == "cunet"
    assert scale.config(two["2src-dwa"], 7).seed == 7
    warps = {scale.config(row, 0).model.stft.warp for row in [*two.values()]}
    assert warps == {"paper"}
    assert scale.config(two["2src-uw"], 0).model.unet.width == 32
    base, direct, silent = rows("table-4")
    assert base == replace(four["4src-ebw-p1"])
    assert (direct.loss, silent.keep_silent) == ("direct", True)
    with pytest.raises(MunetError, match="has no rows"):
        rows("table-9")


def test_every_row_is_a_valid_config_at_every_scale():
    for scale in SCALES.values():
        for table in ("table-2", "table-3", "table-4"):
            for row in rows(table):
                assert scale.config(row, 0).model.sources == row.sources


def make_report(vocals: float | None) -> Report:
    header = {"sources": ["vocals"], "metrics": ["sdr"], "method": {"kind": "model"}}
    track = TrackReport({"estimates": {"vocals": {"sdr": vocals}}}, "test", 1.0, 10880)
    return Report(header, tracks={"song": track})


def test_seeds_are_averaged_song_by_song():
    merged = mean_report([make_report(1.0), make_report(2.0)])
    assert merged.tracks["song"].scores["estimates"]["vocals"]["sdr"] == 1.5
    merged = mean_report([make_report(1.0), make_report(None)])
    assert merged.tracks["song"].scores["estimates"]["vocals"]["sdr"] is None


def test_the_paper_scale_needs_real_data(tmp_path):
    workshop = Workshop(tmp_path, None, SCALES["paper"], isolate=False)
    with pytest.raises(DataError, match="needs MUSDB18"):
        reproduce_row(workshop, rows("table-2")[0], 0)


def test_an_unknown_row_is_named(tmp_path):
    workshop = Workshop(tmp_path, None, SMOKE, isolate=False)
    with pytest.raises(MunetError, match=r"no row 'sgd'\. Rows: dedicated, c-u-net"):
        reproduce_table(workshop, "table-2", names=("sgd",))


@pytest.mark.slow
def test_rows_from_training_to_report_are_done_once(tmp_path):
    told: list[str] = []
    workshop = Workshop(tmp_path, None, SMOKE, isolate=False, tell=told.append)
    names = ("dedicated", "dwa")
    path = reproduce_table(workshop, "table-2", names=names)
    text = path.read_text()
    for wanted in ("2 of 8 rows", "5.09 ± 4.31 (5.61)", "Ideal masks", "not shown"):
        assert wanted in text
    for image in ("sdr", "differences", "losses", "weights-dwa"):
        assert (tmp_path / f"table-2-{image}.png").stat().st_size > 1000
    for image in ("masks.png", "spectrograms.png"):
        assert (tmp_path / "runs" / "2src-dwa-seed0" / image).stat().st_size > 1000
    values = json.loads((tmp_path / "table-2.json").read_text())
    dedicated, dwa = values["rows"]
    costs = [row["costs"][0] for row in (dedicated, dwa)]
    assert costs[0]["passes_per_epoch"] == 2 * costs[1]["passes_per_epoch"]
    assert costs[0]["parameters"] == pytest.approx(2 * costs[1]["parameters"], rel=0.01)
    assert math.isfinite(dwa["ours"]["estimates"]["overall"]["sdr"]["mean"])
    assert sum("Training" in line for line in told) == 2
    again = reproduce_table(workshop, "table-2", names=names)
    assert again.read_text() == text
    assert sum("Training" in line for line in told) == 2

    figure = reproduce_figure_2(workshop).read_text()
    assert "| accompaniment | 687.5 |" in figure
    other = replace(workshop, scale=replace(SMOKE, fit=replace(SMOKE.fit, epochs=2)))
    with pytest.raises(DataError, match="made with other settings"):
        reproduce_table(other, "table-2", names=("dwa",))


def test_the_command_says_what_is_wrong(run, tmp_path):
    out = ("--out", tmp_path / "out")
    assert run("reproduce", "table-9", *out).code == 2
    outcome = run("reproduce", "table-2", "--seeds", "one", *out)
    assert (outcome.code, "--seeds are numbers" in outcome.err) == (2, True)
    outcome = run("reproduce", "table-2", "--scale", "paper", *out)
    assert (outcome.code, "give its folder with --data" in outcome.err) == (1, True)
    outcome = run("reproduce", "table-2", "--rows", "sgd", *out)
    assert (outcome.code, "no row 'sgd'" in outcome.err) == (1, True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Expecting property name"),
        ("[]", "list indices"),
        ("{}", "'config'"),
        ('{"config": 3}', "must be an object"),
        ('{"config": {"batch_size": 2.5}}', "`batch_size` must be int"),
        ('{"config": {"model": {"stft": {"hop": 2}}}}', r"Unknown setting .*stft\.hop"),
        ('{"config": {}}', "'report'"),
        ('{"config": {}, "report": {"format": 0}}', "its report is no report"),
    ],
)
def test_a_row_file_of_another_kind_is_named(tmp_path, text, why):
    (tmp_path / "rows").mkdir()
    path = tmp_path / "rows" / "2src-uw-seed0.json"
    path.write_text(text)
    workshop = Workshop(tmp_path, None, SMOKE, isolate=False)
    with pytest.raises(DataError, match=rf"2src-uw-seed0\.json is damaged .*{why}"):
        reproduce_table(workshop, "table-2", names=("uw",))
