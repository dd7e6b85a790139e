"""The report of a reproduction: the paper's numbers beside ours, costs, differences."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_munet.evaluation import figures
from keras_munet.evaluation.compare import Comparison, compare
from keras_munet.evaluation.report import OVERALL, Report, TrackReport
from keras_munet.evaluation.tables import cell, comparison_json, markdown_table
from keras_munet.files import replacing, write_json
from keras_munet.reproduction.experiments import Row, paper_scores
from keras_munet.reproduction.scales import Scale


@dataclass(frozen=True)
class Result:
    """One row with all its seeds.

    Attributes:
        row: what it is.
        seeds: of the runs.
        values: per seed what `reproduce_row` returned.
        reports: per seed.
    """

    row: Row
    seeds: list[int]
    values: list[dict[str, Any]]
    reports: list[Report]

    @property
    def report(self) -> Report:
        """Every song with its mean over seeds."""
        return mean_report(self.reports)

    def seed_spread(self) -> float:
        """Returns the standard deviation between seeds of the overall mean SDR."""
        means = [r.summary()["estimates"][OVERALL]["sdr"]["mean"] for r in self.reports]
        return float(np.std(means, ddof=1)) if len(means) > 1 else math.nan


def mean_report(reports: list[Report]) -> Report:
    """Averages scores over reports of the same songs; a missing one stays missing."""
    first = reports[0]
    merged = Report(first.header, first.versions)
    for name, track in first.tracks.items():
        scores = {
            row: {
                source: {
                    metric: _mean(
                        r.tracks[name].scores[row][source][metric] for r in reports
                    )
                    for metric in metrics
                }
                for source, metrics in sources.items()
            }
            for row, sources in track.scores.items()
        }
        merged.tracks[name] = TrackReport(
            scores, track.split, track.seconds, track.sample_rate
        )
    return merged


def _mean(values: Iterable[float | None]) -> float | None:
    known = list(values)
    if any(value is None for value in known):
        return None
    return float(np.mean([value for value in known if value is not None]))


def write_summary(
    experiment: str, scale: Scale, results: list[Result], out: Path, *, n_rows: int
) -> Path:
    """Writes `EXPERIMENT.md`, `.json` and figures; returns the Markdown's path.

    Args:
        experiment: name of the table.
        scale: of the runs.
        results: the rows that are done.
        out: folder.
        n_rows: rows that the table has in all.
    """
    comparisons = _comparisons(results)
    drawn = _draw(experiment, results, comparisons, out)
    lines = [
        f"# {experiment.replace('-', ' ').capitalize()}, scale `{scale.name}`",
        "",
        scale.text,
        "",
        f"{len(results)} of {n_rows} rows are done. SDR in dB, mean ± standard "
        "deviation (median) over songs; with several seeds, every song counts with its "
        "mean over seeds.",
        "",
        *_scores(results),
        *_costs(results),
        *_differences(comparisons),
        "## Figures",
        "",
        *(f"![{path.stem}]({path.name})" for path in drawn),
    ]
    path = out / f"{experiment}.md"
    with replacing(path) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_json(out / f"{experiment}.json", _as_json(scale, results, comparisons))
    return path


def _scores(results: list[Result]) -> list[str]:
    sources = [*results[0].row.sources, OVERALL]
    rows = []
    for result in results:
        ours, theirs = result.report.summary()["estimates"], paper_scores(result.row)
        seeds = f"ours, seeds {', '.join(map(str, result.seeds))}"
        rows.append(
            [result.row.title, "paper", *(_paper_cell(theirs.get(s)) for s in sources)]
        )
        rows.append(["", seeds, *(cell(ours[source]["sdr"]) for source in sources)])
    summary = results[0].report.summary()
    for row, title in (("oracle", "Ideal masks"), ("mixture", "The mixture itself")):
        cells = [cell(summary[row][source]["sdr"]) for source in sources]
        rows.append([title, "ours", *cells])
    return ["## Scores", "", *markdown_table(["method", "", *sources], rows)]


def _paper_cell(values: list[float] | None) -> str:
    if not values:
        return "not in our copy"
    mean, std, median = values
    return f"{mean:.2f} ± {std:.2f} ({median:.2f})"


def _costs(results: list[Result]) -> list[str]:
    rows = []
    for result in results:
        costs = [values["costs"] for values in result.values]
        spread = result.seed_spread()
        rows.append(
            [
                result.row.title,
                f"{costs[0]['parameters']:,}",
                f"{costs[0]['passes_per_epoch']:,}",
                " / ".join(str(cost["epochs"]) for cost in costs),
                " / ".join(f"{cost['training_s']:.0f}" for cost in costs),
                " / ".join(f"{cost['peak_memory_mb']}" for cost in costs),
                "-" if math.isnan(spread) else f"{spread:.2f}",
            ]
        )
    titles = [
        *("method", "parameters", "passes per epoch", "epochs", "training in s"),
        *("peak memory in MB", "spread of overall SDR between seeds in dB"),
    ]
    return ["## Costs", "", *markdown_table(titles, rows)]


def _comparisons(results: list[Result]) -> list[Comparison]:
    """Compares with unit weighting, with dedicated networks, with the table's first."""
    reports = {result.row.title: result.report for result in results}
    names = list(reports)
    bases = [n for n in names if n == "UW" or n.startswith("Dedicated")] or names[:1]
    return [
        comparison
        for base in bases
        if len(reports) > 1
        for comparison in compare({base: reports[base], **reports})
    ]


def _differences(comparisons: list[Comparison]) -> list[str]:
    if not comparisons:
        return []
    rows = [
        [
            comparison.second,
            comparison.first,
            f"{overall.mean:+.2f}",
            f"[{overall.low:+.2f}, {overall.high:+.2f}]",
            f"{overall.p:.2g}",
            "yes" if overall.shown else "not shown",
        ]
        for comparison in comparisons
        for overall in comparison.differences
        if overall.source == OVERALL
    ]
    titles = [
        *("method", "against", "mean difference in dB", "95 % interval"),
        *("p (Wilcoxon, Holm)", "difference?"),
    ]
    return [
        "## Differences over all sources, song by song",
        "",
        *markdown_table(titles, rows),
        "The interval is over songs; what another seed would give is in the last "
        "column of the costs.",
        "",
    ]


def _draw(
    experiment: str, results: list[Result], comparisons: list[Comparison], out: Path
) -> list[Path]:
    reports = {result.row.title: result.report for result in results}
    drawn = [figures.plot_scores(reports, out / f"{experiment}-sdr.png")]
    if comparisons:
        path = out / f"{experiment}-differences.png"
        drawn.append(figures.plot_comparison(comparisons, path))
    histories = {
        result.row.title: _columns(result.values[0]["costs"]["history"])
        for result in results
        if result.values[0]["costs"]["history"]
    }
    if histories:
        path = out / f"{experiment}-losses.png"
        drawn.append(figures.plot_losses(histories, path))
    for result in results:
        history = histories.get(result.row.title, {})
        if result.row.weighting in ("dwa", "ebw-inst-p1") and history:
            path = out / f"{experiment}-weights-{result.row.weighting}.png"
            drawn.append(figures.plot_weights(history, path))
    return drawn


def _columns(history: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: np.array([row[name] for row in history]) for name in history[0]}


def _as_json(
    scale: Scale, results: list[Result], comparisons: list[Comparison]
) -> dict[str, Any]:
    return {
        "scale": scale.name,
        "scale_text": scale.text,
        "rows": [
            {
                "row": result.row.name,
                "title": result.row.title,
                "seeds": result.seeds,
                "paper": paper_scores(result.row),
                "ours": result.report.summary(),
                "costs": [
                    {k: v for k, v in values["costs"].items() if k != "history"}
                    for values in result.values
                ],
            }
            for result in results
        ],
        "differences": comparison_json(comparisons) if comparisons else [],
    }


__all__ = ["Result", "mean_report", "write_summary"]
