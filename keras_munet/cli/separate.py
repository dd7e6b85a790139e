"""`keras-munet separate`: songs in, stems out."""

import click

from keras_munet.cli.options import MODEL
from keras_munet.cli.quiet import start_quietly
from keras_munet.cli.song_options import Request, song_options
from keras_munet.cli.songs import separate_songs
from keras_munet.weights import DEFAULT


@click.command(name="separate")
@click.option(
    "--model",
    default=DEFAULT,
    show_default=True,
    type=MODEL,
    help="Name of a shipped model (see `keras-munet models`), or a run folder, a "
    ".keras, a SavedModel folder or a .tflite.",
)
@song_options
@click.option("--threads", type=click.IntRange(1), help="All cores by default.")
@click.option("--device", metavar="cpu|gpu|gpu:N", help="Where the network runs.")
def command(
    request: Request, model: str, threads: int | None, device: str | None
) -> int:
    """Separate songs into stems.

    FILE: audio of any format, a film with sound, a folder of songs, or - for stdin.
    The files that were written are listed on stdout.
    """
    from keras_munet.separation.separator import Separator

    output = request.output()
    start_quietly(model, device=device)
    separator = Separator.load(
        model, threads=threads, device=device, **request.stems_choice()
    )
    return separate_songs(request, separator, output)
