"""Tables of reports and comparisons, for people."""

from typing import Any

import rich.table

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
