"""`keras-munet compare`: which of several reports is better, and whether it is."""

from pathlib import Path

import click

from keras_munet.cli.options import print_table, quiet_option


@click.command("compare")
@click.argument(
    "reports",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    metavar="A B...",
)
@click.option(
    "--metric",
    type=click.Choice(("sdr", "sir", "sar", "isr")),
    default="sdr",
    show_default=True,
)
@click.option("--plot", type=click.Path(path_type=Path), help="Image to draw.")
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="JSON file to write."
)
@click.option(
    "--common-tracks", is_flag=True, help="Compare only the tracks that all have."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the bootstrap.")
@quiet_option
def command(
    reports: tuple[Path, ...],
    metric: str,
    plot: Path | None,
    json_path: Path | None,
    common_tracks: bool,
    seed: int,
    quiet: bool,
) -> None:
    """Compare reports of `evaluate` with the first of them, song by song.

    Shows the mean paired difference with its 95 % bootstrap interval and the
    Wilcoxon signed-rank test (corrected for the number of rows), and says in words
    whether there is a difference.

    \b
    Examples:
      keras-munet compare unit.json ebw-p1.json --plot weightings.png
    """  # noqa: D301  click reads the control character
    from keras_munet.evaluation.compare import compare
    from keras_munet.evaluation.report import load_report
    from keras_munet.evaluation.tables import comparison_json, comparison_table
    from keras_munet.files import write_json

    if len(reports) < 2:
        raise click.UsageError("Give two reports at least.")
    named = dict(zip(_names(reports), map(load_report, reports), strict=True))
    comparisons = compare(named, metric=metric, seed=seed, common_tracks=common_tracks)
    print_table(comparison_table(comparisons))
    if not quiet:
        for comparison in comparisons:
            for difference in comparison.differences:
                click.echo(difference.in_words(comparison.first, comparison.second))
    if json_path:
        write_json(json_path, comparison_json(comparisons))
    if plot:
        from keras_munet.evaluation.figures import plot_comparison

        plot_comparison(comparisons, plot)


def _names(paths: tuple[Path, ...]) -> list[str]:
    """Names reports by file, or by as much of the path as tells them apart."""
    for n_parts in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.with_suffix("").parts[-n_parts:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    raise click.UsageError("The same report is given twice.")
