"""`keras-munet models`: what comes with the package, and its model cards."""

import json
from typing import TYPE_CHECKING, Any

import click

from keras_munet.cli.options import print_table

if TYPE_CHECKING:
    from keras_munet.weights.shipped import Shipped


@click.command(name="models")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(name: str | None, as_json: bool) -> None:
    """List the models that come with the package, or print the card of one.

    A NAME from this list works wherever a command takes a model, such as
    `keras-munet separate song.mp3 --model 4stems`. A folder of the same name is
    ./NAME. The card says what a model was trained on, how good it is, and what it
    is bad at.
    """
    from keras_munet.weights.shipped import read_card, shipped_models

    models = shipped_models().values()
    if name is not None:
        card = read_card(name)
        click.echo(json.dumps({"name": name, "card": card}) if as_json else card)
    elif as_json:
        click.echo(json.dumps([_row(model) for model in models], indent=2))
    else:
        print_table(_table([_row(model) for model in models]))


def _row(model: "Shipped") -> dict[str, Any]:
    return {
        **model.to_dict(),
        "sources": list(model.sources),
        "state": model.state,
        "path": str(model.path),
    }


def _table(rows: list[dict[str, Any]]) -> object:
    import rich.table

    table = rich.table.Table()
    for title in ("name", "sources", "size", "for", "state"):
        table.add_column(title, justify="right" if title == "size" else "left")
    for row in rows:
        size = f"{row['n_bytes'] / 1e6:.1f} MB" if row["n_bytes"] else "-"
        sources = ", ".join(row["sources"])
        table.add_row(row["name"], sources, size, row["use"], row["state"])
    return table
