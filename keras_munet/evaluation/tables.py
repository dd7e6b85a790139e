"""Tables of reports and comparisons, for people."""

import math
from collections.abc import Iterable
from typing import Any

import rich.table

from keras_munet.evaluation.compare import Comparison
from keras_munet.evaluation.report import OVERALL, Report

ROW_TITLES = {
    "oracle": "ideal masks",
    "mixture": "mixture itself",
}


def report_table(report: Report, *, all_metrics: bool = False) -> rich.table.Table:
    """Returns mean +- std and median per source and overall, row by row.

    Args:
        report: of `evaluate`.
        all_metrics: every ratio for every row; otherwise oracle and mixture show the
            headline alone.
    """
    table = rich.table.Table(title=title(report), title_justify="left")
    table.add_column("")
    table.add_column("metric")
    for source in (*report.sources, OVERALL):
        table.add_column(source, justify="right")
    summary = report.summary()
    for row in report.rows:
        shown = report.metrics if all_metrics or row == report.row else ["sdr"]
        for metric in shown:
            cells = [
                cell(summary[row][source][metric])
                for source in (*report.sources, OVERALL)
            ]
            name = row_title(report, row) if metric == shown[0] else ""
            table.add_row(name, metric.upper(), *cells)
        table.add_section()
    return table


def title(report: Report) -> str:
    """Returns protocol and number of tracks in one line."""
    header = report.header
    rate = header["sample_rate"]
    where = f"mono, {rate} Hz" if rate else "all channels, own rates"
    return (
        f"{header['protocol']} protocol, {where}, {len(report.tracks)} tracks: "
        "mean ± std (median) in dB"
    )


def row_title(report: Report, row: str) -> str:
    """Returns what a row is called: the model's or folder's name, or in words."""
    if row in ROW_TITLES:
        return ROW_TITLES[row]
    return str(report.header["method"].get("name", row))


def cell(values: dict[str, Any]) -> str:
    """Returns `5.09 ± 4.31 (5.61)`, as in the paper's tables."""
    if not values["n"]:
        return "-"
    return f"{values['mean']:.2f} ± {values['std']:.2f} ({values['median']:.2f})"


def markdown_table(titles: list[str], rows: Iterable[list[str]]) -> list[str]:
    """Returns the lines of a Markdown table, and an empty one after it."""
    lines = [titles, ["---"] * len(titles), *rows]
    return [*("| " + " | ".join(line) + " |" for line in lines), ""]


def remarks(report: Report) -> list[str]:
    """Returns what must be said beside the table: failures, silence, notes."""
    said = [f"Not scored: {name}: {why}" for name, why in report.failed.items()]
    for name, track in report.tracks.items():
        for kind, sources in track.silent.items():
            said.append(
                f"Silent {kind} in {name}: {', '.join(sources)}. They have no score "
                "and do not count."
            )
        said += [f"{name}: {note}." for note in track.notes]
    for source, values in report.summary().get(report.row, {}).items():
        missing = values["sdr"]["missing"]
        if missing and source != OVERALL:
            total = missing + values["sdr"]["n"]
            said.append(
                f"{source}: {missing} of {total} tracks have no finite SDR (silence, "
                "or a perfect estimate)."
            )
    return said


def comparison_table(comparisons: list[Comparison]) -> rich.table.Table:
    """Returns one row per report and source: how much better than the first."""
    first, metric = comparisons[0].first, comparisons[0].metric.upper()
    table = rich.table.Table(
        title=f"{metric} difference from {first}, paired by song, in dB",
        title_justify="left",
    )
    for column in ("", "source"):
        table.add_column(column)
    for column in ("songs", "mean", "median", "95 % interval", "p (Holm)", "better in"):
        table.add_column(column, justify="right")
    table.add_column("difference?")
    for comparison in comparisons:
        for row in comparison.differences:
            table.add_row(
                comparison.second if row is comparison.differences[0] else "",
                row.source,
                str(row.n),
                f"{row.mean:+.2f}",
                f"{row.median:+.2f}",
                f"[{row.low:+.2f}, {row.high:+.2f}]",
                f"{row.p:.2g}",
                f"{100 * row.better:.0f} %",
                "yes" if row.shown else "not shown",
            )
        table.add_section()
    return table


def comparison_json(comparisons: list[Comparison]) -> list[dict[str, Any]]:
    """Returns the differences as JSON-ready values."""
    return [
        {
            "first": comparison.first,
            "second": comparison.second,
            "metric": comparison.metric,
            "differences": [
                {
                    **{k: _json(v) for k, v in vars(row).items()},
                    "shown": row.shown,
                    "words": row.in_words(comparison.first, comparison.second),
                }
                for row in comparison.differences
            ],
        }
        for comparison in comparisons
    ]


def _json(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
