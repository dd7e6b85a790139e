"""`keras-munet remote-separate`: songs in, stems out, the network on a server."""

import click

from keras_munet.cli.song_options import Request, song_options
from keras_munet.cli.songs import separate_songs


@click.command(name="remote-separate")
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
@song_options
def command(
    request: Request, server: str, model: str, timeout: float, retries: int
) -> int:
    """Separate songs on a TF Serving server (see `export serving`).

    Only windows at the model's rate and masks travel; the stems have the song's
    own rate and channels. FILE and the options are those of `separate`. The files
    that were written are listed on stdout.
    """
    from keras_munet.separation.remote import open_remote
    from keras_munet.separation.separator import Separator

    output = request.output()
    with open_remote(server, model, timeout_s=timeout, retries=retries) as runtime:
        separator = Separator(runtime, **request.stems_choice())
        return separate_songs(request, separator, output)
