"""`keras-munet karaoke`: the karaoke page, served on this machine."""

import contextlib
import tempfile
import webbrowser
from pathlib import Path

import click

from keras_munet.cli.options import MODEL, quiet_option
from keras_munet.weights import DEFAULT


@click.command(name="karaoke")
@click.option(
    "--model",
    default=DEFAULT,
    show_default=True,
    type=MODEL,
    help="vocals: the voice and the band. 4stems: a slider each for vocals, drums, "
    "bass and the rest. Or a .tflite, a .keras, a run folder, a folder of `export "
    "web`.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen here.")
@click.option("--port", type=click.IntRange(0, 65535), help="0 takes any free port.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option(
    "--no-threads",
    is_flag=True,
    help="Serve as a plain web server would: without the headers for threads.",
)
@quiet_option
def command(
    model: str,
    host: str,
    port: int | None,
    no_browser: bool,
    no_threads: bool,
    quiet: bool,
) -> None:
    """Open the karaoke page in the browser.

    Songs are separated in the browser, with no upload. Ctrl-C ends it.
    """
    from keras_munet.export.web import PageServer, export_web
    from keras_munet.export.web.page import is_page
    from keras_munet.weights.shipped import model_path

    with contextlib.ExitStack() as stack:
        folder = place = model_path(model)
        if not is_page(place):
            temporary = stack.enter_context(tempfile.TemporaryDirectory())
            folder = Path(temporary) / "page"
            if not quiet:
                click.echo("Making the page ...", err=True)
            export_web(place, folder)
        server = stack.enter_context(
            PageServer(folder, host=host, port=port, isolated=not no_threads)
        )
        click.echo(server.url)
        if not quiet:
            click.echo("Ctrl-C ends the server.", err=True)
        if not no_browser:
            webbrowser.open(server.url)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
