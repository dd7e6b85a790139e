"""A whole experiment: row after row, with a report that grows with them."""

from collections.abc import Callable
from pathlib import Path

from keras_munet.config import FOUR_SOURCES, TWO_SOURCES
from keras_munet.data.cache import open_dataset
from keras_munet.errors import MunetError
from keras_munet.evaluation import figures
from keras_munet.evaluation.report import parse_report
from keras_munet.evaluation.tables import markdown_table
from keras_munet.files import replacing, write_json
from keras_munet.reproduction.experiments import Row, paper, rows
from keras_munet.reproduction.runs import Workshop, done_seeds, reproduce_row
from keras_munet.reproduction.summary import Result, write_summary


def reproduce_table(
    workshop: Workshop,
    experiment: str,
    *,
    seeds: tuple[int, ...] = (0,),
    names: tuple[str, ...] = (),
    progress: Callable[[float, float], None] | None = None,
) -> Path:
    """Trains and scores what is missing of a table and writes its report.

    Rows that are done (`OUT/rows/*.json`) are read, whatever their seed; a run that
    was stopped goes on. The report is written again after every row.

    Args:
        workshop: where, with which data, how large.
        experiment: `table-2`, `table-3` or `table-4`.
        seeds: of the runs that there must be, one run each.
        names: only these rows; all by default.
        progress: called with (done, total) runs.

    Returns:
        The path of the Markdown report.

    Raises:
        MunetError: for an unknown row, or when a row cannot be done.
    """
    every = rows(experiment)
    chosen = _choose(every, names)
    runs = {row: sorted({*seeds, *done_seeds(workshop, row)}) for row in chosen}
    n_runs, n_done = sum(map(len, runs.values())), 0
    results: list[Result] = []
    path = workshop.out / f"{experiment}.md"
    for row in chosen:
        result = Result(row, [], [], [])
        for seed in runs[row]:
            values = reproduce_row(workshop, row, seed)
            result.seeds.append(seed)
            result.values.append(values)
            result.reports.append(parse_report(values["report"], row.name))
            n_done += 1
            if progress:
                progress(n_done, n_runs)
        results.append(result)
        path = write_summary(
            experiment, workshop.scale, results, workshop.out, n_rows=len(every)
        )
    return path


def _choose(every: list[Row], names: tuple[str, ...]) -> list[Row]:
    short = {row.name.partition("-")[2]: row for row in every}
    unknown = [name for name in names if name not in short]
    if unknown:
        raise MunetError(f"There is no row {unknown[0]!r}. Rows: {', '.join(short)}.")
    return [row for name, row in short.items() if not names or name in names]


def reproduce_figure_2(workshop: Workshop) -> Path:
    """Measures the energy of every source, as the paper's figure 2.

    Returns:
        The path of the Markdown report.
    """
    found: dict[str, float] = {}
    for table in ("table-2", "table-3"):
        dataset = open_dataset(workshop.cache(rows(table)[0]))
        found |= dataset.energies
    theirs = {k: v for k, v in paper()["energies"].items() if k != "note"}
    names = [*dict.fromkeys((*TWO_SOURCES, *FOUR_SOURCES, "mixture"))]
    label = "this data set" if workshop.data else "generated songs"
    energies = {
        "MUSDB18 (authors)": {name: theirs[name] for name in names},
        label: {name: found[name] for name in names},
    }
    image = figures.plot_energies(energies, workshop.out / "figure-2.png")
    write_json(workshop.out / "figure-2.json", energies)
    lines = [
        f"# Figure 2, scale `{workshop.scale.name}`",
        "",
        "Energy of a 6 s chunk: the sum of its squared samples, which is proportional "
        "to the mean |S|² per bin; mean over the training chunks.",
        "",
        *markdown_table(
            ["source", "MUSDB18 (authors)", label],
            ([name, f"{theirs[name]:.1f}", f"{found[name]:.1f}"] for name in names),
        ),
        f"![figure 2]({image.name})",
    ]
    path = workshop.out / "figure-2.md"
    with replacing(path) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
