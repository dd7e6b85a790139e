"""Options and progress bars that several commands share."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click
import rich.console
import rich.progress

Progress = Callable[[float, float], None]
"""Called with (done, total) by library functions that take long."""

PLAIN: dict[str, Any] = {"markup": False, "emoji": False}
"""For consoles: a name like `live [/] song :heart:` is shown as it is."""

MODEL = click.Path()
"""A model, by name or path. It stays a `str`: `4stems` is a name, `./4stems` a path."""

quiet_option = click.option(
    "-q", "--quiet", is_flag=True, help="No progress bar, no summary."
)
overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace what is already there."
)


def split_names(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[str, ...]:
    """Click callback: `vocals,drums` -> `("vocals", "drums")`."""
    names = (value or "").split(",")
    return tuple(name.strip() for name in names if name.strip())


def _pairs(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """Click callback: `vocals=lead_vox` -> `("vocals", "lead_vox")`."""
    pairs = []
    for value in values:
        source, separator, file = (part.strip() for part in value.partition("="))
        if not (source and separator and file):
            raise click.BadParameter(f"{value!r} is not of the form SOURCE=FILE.")
        pairs.append((source, file))
    return tuple(pairs)


stem_name_option = click.option(
    "--stem-name",
    "stem_names",
    multiple=True,
    metavar="SOURCE=FILE",
    callback=_pairs,
    help="The stem SOURCE lies in files called FILE.wav (or .flac, ...). Repeatable.",
)


@contextlib.contextmanager
def progress_bar(title: str, *, quiet: bool = False) -> Iterator[Progress]:
    """Gives a function (done, total) that draws a bar with time left on stderr."""
    console = rich.console.Console(stderr=True, **PLAIN)
    columns = (
        rich.progress.TextColumn("{task.description}", markup=False),
        rich.progress.BarColumn(),
        rich.progress.TaskProgressColumn(),
        rich.progress.TimeElapsedColumn(),
        rich.progress.TimeRemainingColumn(),
    )
    disable = quiet or not console.is_terminal
    with rich.progress.Progress(*columns, console=console, disable=disable) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def print_table(table: object) -> None:
    """Prints a rich table on stdout, as wide as it needs where that is no terminal."""
    width = None if sys.stdout.isatty() else 200
    rich.console.Console(width=width, **PLAIN).print(table)
