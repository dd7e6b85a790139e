"""`keras-munet reproduce`: the paper's tables and figures, trained and scored."""

from pathlib import Path

import click

from keras_munet.cli.options import quiet_option, split_names

EXPERIMENTS = ("table-1", "table-2", "table-3", "table-4", "figure-2")


@click.command("reproduce")
@click.argument("experiment", type=click.Choice(EXPERIMENTS))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="MUSDB18 or any data set that `prepare` takes. small and smoke generate "
    "songs where none is given.",
)
@click.option(
    "--scale",
    type=click.Choice(("paper", "small", "smoke")),
    default="small",
    show_default=True,
    help="paper: the exact recipe, for a GPU. small: hours of CPU. smoke: a minute.",
)
@click.option("--out", type=click.Path(path_type=Path), default="reproduction")
@click.option(
    "--seeds",
    callback=split_names,
    default="0",
    show_default=True,
    help="Runs that there must be of every row, e.g. 0,1. Other runs that are done "
    "count, too.",
)
@click.option("--rows", callback=split_names, help="Only these rows, e.g. uw,ebw-p1")
@quiet_option
def command(
    experiment: str,
    data: Path | None,
    scale: str,
    out: Path,
    seeds: tuple[str, ...],
    rows: tuple[str, ...],
    quiet: bool,
) -> None:
    """Train and score the rows of the paper's tables that are still missing.

    Every finished row is a small file in OUT/rows and is never done again; the same
    command goes on where it was stopped. The report (OUT/EXPERIMENT.md, .json and
    figures) shows the paper's numbers beside ours, what the runs cost, and whether
    differences are any.

    \b
    Examples:
      keras-munet reproduce table-2 --scale smoke --out try
      keras-munet reproduce table-3 --data MUSDB18 --scale paper --out out --seeds 0,1
    """  # noqa: D301  click reads the control character
    if experiment == "table-1":
        from keras_munet.cli.cost import command as cost

        click.get_current_context().invoke(cost, width=32, depth=6, as_json=False)
        return
    numbers = _numbers(seeds)
    from keras_munet.cli.determinism import start_training
    from keras_munet.cli.quiet import import_quietly

    import_quietly()
    from keras_munet.reproduction.reproduce import reproduce_figure_2, reproduce_table
    from keras_munet.reproduction.runs import Workshop
    from keras_munet.reproduction.scales import SCALES

    def tell(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    workshop = Workshop(out, data, SCALES[scale], start=start_training, tell=tell)
    if experiment == "figure-2":
        path = reproduce_figure_2(workshop)
    else:
        path = reproduce_table(workshop, experiment, seeds=numbers, names=rows)
    click.echo(path.read_text(encoding="utf-8") if not quiet else path)


def _numbers(seeds: tuple[str, ...]) -> tuple[int, ...]:
    try:
        return tuple(int(seed) for seed in seeds)
    except ValueError as error:
        raise click.BadParameter(f"--seeds are numbers: {','.join(seeds)}") from error
