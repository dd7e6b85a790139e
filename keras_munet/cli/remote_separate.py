"""`keras-munet remote-separate`: songs in, stems out, the network on a server."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keras_munet.cli.options import (
    overwrite_option,
    progress_bar,
    quiet_option,
    split_names,
)
from keras_munet.errors import MunetError

if TYPE_CHECKING:
    from keras_munet.separation.files import Output
    from keras_munet.separation.separator import Separator


@click.command(name="remote-separate")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@click.option(
    "--server",
    required=True,
    metavar="URL",
    help="TF Serving: grpc://HOST:8500 (less to transfer) or http://HOST:8501.",
)
@click.option(
    "--model", default="separator", show_default=True, help="Name of the servable."
)
@click.option(
    "--out",
    default="separated",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the stems.",
)
@click.option("--stems", callback=split_names, help="Only these: vocals,drums")
@click.option(
    "--format",
    type=click.Choice(["wav", "flac", "mp3", "ogg"]),
    default="wav",
    show_default=True,
    help="Format of the stems.",
)
@click.option(
    "--batch",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Windows that are sent at once, as far as they fit into a message.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    help="For one request, in seconds.",
)
@click.option(
    "--retries",
    type=click.IntRange(0),
    default=6,
    show_default=True,
    help="How often a request is repeated while the server is away.",
)
@overwrite_option
@quiet_option
def command(
    files: tuple[Path, ...],
    server: str,
    model: str,
    out: Path,
    stems: tuple[str, ...],
    format: str,
    batch: int,
    timeout: float,
    retries: int,
    overwrite: bool,
    quiet: bool,
) -> int:
    """Separate songs on a TF Serving server (see `export serving`).

    Only windows at the model's rate and masks travel; the stems have the song's
    own rate and channels. The files that were written are listed on stdout.
    """
    from keras_munet.separation.files import Output
    from keras_munet.separation.remote import open_remote
    from keras_munet.separation.separator import Separator

    output = Output(format=format, overwrite=overwrite)
    with open_remote(server, model, timeout_s=timeout, retries=retries) as runtime:
        separator = Separator(runtime, stems=stems, batch=batch)
        done = [_separate(separator, file, out, output, quiet) for file in files]
    return 0 if all(done) else 1


def _separate(
    separator: "Separator", file: Path, out: Path, output: "Output", quiet: bool
) -> bool:
    """Separates one song; says what went wrong and lets the next one have its turn."""
    try:
        with progress_bar(file.name, quiet=quiet) as progress:
            result = separator.separate_file(
                file, out, output=output, progress=progress
            )
    except MunetError as error:
        click.echo(f"Error: {file}: {error}", err=True)
        return False
    for written in result.files:
        click.echo(written)
    for warning in result.warnings:
        click.echo(f"Warning: {warning}", err=True)
    return result.complete
