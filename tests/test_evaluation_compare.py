"""Comparisons: differences that are there are found, and others are not."""

import numpy as np
import pytest
import scipy.stats

from keras_munet.errors import MunetError
from keras_munet.evaluation.compare import _holm, compare
from keras_munet.evaluation.report import Report, TrackReport

HEADER = {
    "protocol": "paper",
    "metrics": ["sdr", "sir"],
    "sources": ["vocals", "drums"],
    "references": ["vocals", "drums"],
    "sample_rate": 10880,
    "method": {"kind": "model", "name": "run"},
}


def make_report(values, **header) -> Report:
    """One track per row of `(tracks, 2)`, SDR of vocals and drums; NaN: no score."""
    report = Report({**HEADER, **header})
    for index, row in enumerate(values):
        scores = {
            source: {"sdr": None if np.isnan(value) else float(value), "sir": 0.0}
            for source, value in zip(HEADER["sources"], row, strict=True)
        }
        track = TrackReport({"estimates": scores}, "test", 1.0, 10880)
        report.tracks[f"song {index:02d}"] = track
    return report


@pytest.fixture
def songs(rng):
    """SDR of 50 songs that differ by 4 dB, as in the paper."""
    return rng.normal(5, 4, size=(50, 2))


def test_a_tenth_of_a_db_with_noise_is_no_difference(songs, rng):
    other = songs + 0.1 + rng.normal(0, 1.5, songs.shape)
    (found,) = compare({"unit": make_report(songs), "dwa": make_report(other)})
    assert [row.source for row in found.differences] == ["vocals", "drums", "overall"]
    for row in found.differences:
        assert not row.shown
        assert row.low < 0 < row.high
        assert "no difference shown between unit and dwa" in row.in_words("unit", "dwa")


def test_a_steady_half_db_is_found_among_songs_that_differ_by_4(songs, rng):
    other = songs + 0.5 + rng.normal(0, 0.5, songs.shape)
    (found,) = compare({"unit": make_report(songs), "dwa": make_report(other)})
    for row in found.differences:
        assert row.shown
        assert row.mean == pytest.approx(0.5, abs=0.2)
        assert "dwa is better than unit by 0." in row.in_words("unit", "dwa")


def test_swapping_reports_flips_the_sign(songs, rng):
    reports = {
        "a": make_report(songs),
        "b": make_report(songs + rng.normal(size=songs.shape)),
    }
    forward = compare(reports)[0].differences
    backward = compare(dict(reversed(reports.items())))[0].differences
    for one, other in zip(forward, backward, strict=True):
        assert one.mean == pytest.approx(-other.mean)
        assert one.p == pytest.approx(other.p)
        assert one.better == pytest.approx(1 - other.better)


def test_values_are_those_of_scipy(songs, rng):
    other = songs + rng.normal(0.3, 1, songs.shape)
    (found,) = compare({"a": make_report(songs), "b": make_report(other)})
    differences = (other - songs)[:, 0]
    row = found.differences[0]
    assert row.median == pytest.approx(np.median(differences))
    reference = scipy.stats.bootstrap(
        (differences,), np.mean, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert (row.low, row.high) == pytest.approx(tuple(reference), abs=0.02)
    raw = [
        scipy.stats.wilcoxon(d).pvalue
        for d in (*(other - songs).T, (other - songs).mean(axis=1))
    ]
    assert [r.p for r in found.differences] == pytest.approx(_holm(raw), rel=1e-6)


def test_holm_by_hand():
    assert _holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])


def test_the_same_seed_gives_the_same_interval(songs, rng):
    reports = {
        "a": make_report(songs),
        "b": make_report(songs + rng.normal(size=songs.shape)),
    }
    assert (
        compare(reports, seed=3)[0].differences
        == compare(reports, seed=3)[0].differences
    )


def test_equal_reports_differ_in_nothing(songs):
    (found,) = compare({"a": make_report(songs), "b": make_report(songs)})
    for row in found.differences:
        assert (row.mean, row.p, row.shown) == (0, 1, False)


def test_tracks_without_a_score_are_left_out_and_counted(songs):
    other = songs + 1
    other[3, 0] = np.nan
    (found,) = compare({"a": make_report(songs), "b": make_report(other)})
    vocals, drums, overall = found.differences
    assert (vocals.n, vocals.missing) == (49, 1)
    assert (drums.n, overall.n) == (50, 50)


def test_few_songs_cannot_show_anything(songs):
    (found,) = compare({"a": make_report(songs[:3]), "b": make_report(songs[:3] + 5)})
    assert "With fewer than 6 songs none can be shown" in (
        found.differences[0].in_words("a", "b")
    )
    (found,) = compare({"a": make_report(songs[:1]), "b": make_report(songs[:1] + 5)})
    assert "too few to compare" in found.differences[0].in_words("a", "b")


def test_every_report_is_compared_with_the_first(songs):
    reports = {name: make_report(songs + i) for i, name in enumerate("abc")}
    assert [(c.first, c.second) for c in compare(reports)] == [("a", "b"), ("a", "c")]


def test_different_protocols_are_refused_by_value(songs):
    reports = {"a": make_report(songs), "b": make_report(songs, protocol="museval")}
    with pytest.raises(
        MunetError, match=r"b cannot be compared.*'museval', not 'paper'"
    ):
        compare(reports)


def test_different_tracks_are_refused_by_name_or_left_out(songs):
    reports = {"a": make_report(songs), "b": make_report(songs[:48])}
    with pytest.raises(MunetError, match=r"2 tracks .* \(song 48, song 49\)"):
        compare(reports)
    (found,) = compare(reports, common_tracks=True)
    assert found.differences[0].n == 48
    reports["b"].tracks = {"encore": reports["b"].tracks["song 00"]}
    with pytest.raises(MunetError, match="no track in common"):
        compare(reports, common_tracks=True)


def test_an_unknown_ratio_is_named(songs):
    with pytest.raises(MunetError, match=r"a has no 'isr'\. Its ratios: sdr, sir"):
        compare({"a": make_report(songs), "b": make_report(songs)}, metric="isr")
