"""`keras-munet cost`: the paper's Table I, counted."""

import dataclasses
import json

import click
import rich.console
import rich.table

from keras_munet.config import FOUR_SOURCES, TWO_SOURCES, ModelConfig, UNetConfig


@click.command()
@click.option("--width", default=32, show_default=True, help="Filters of level one.")
@click.option("--depth", default=6, show_default=True, help="Number of poolings.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(width: int, depth: int, as_json: bool) -> None:
    """Count parameters, multiply-adds and iterations of every architecture.

    Every network is really built. Multiply-adds are those of one 6 s chunk, all
    sources; iterations are passes per training sample and epoch (paper, Table I).
    """
    from keras_munet.cli.quiet import import_quietly

    import_quietly()
    from keras_munet.models.cost import cost, times

    rows = []
    try:
        unet = UNetConfig(width=width, depth=depth)
        single = ModelConfig(
            sources=("vocals",),
            unet=dataclasses.replace(unet, architecture="dedicated"),
        )
        dedicated = cost(single)
        for sources in (TWO_SOURCES, FOUR_SOURCES):
            n_sources = len(sources)
            costs = {f"Dedicated U-Nets (x{n_sources})": times(dedicated, n_sources)}
            for label, architecture in (("C-U-Net", "cunet"), ("M-U-Net", "munet")):
                config = ModelConfig(
                    sources=sources,
                    unet=dataclasses.replace(unet, architecture=architecture),
                )
                costs[label] = cost(config)
            for label, value in costs.items():
                rows.append(
                    {"model": label, "sources": n_sources, **dataclasses.asdict(value)}
                )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    table = rich.table.Table(title=f"Training cost (paper, Table I), width {width}")
    for title in ("model", "sources", "parameters", "multiply-adds", "iterations"):
        table.add_column(title, justify="left" if title == "model" else "right")
    for row in rows:
        table.add_row(
            str(row["model"]),
            str(row["sources"]),
            f"{row['parameters']:,}",
            f"{int(row['multiply_adds']) / 1e9:.2f} G",
            f"{row['iterations']} N",
        )
    rich.console.Console(width=88).print(table)
