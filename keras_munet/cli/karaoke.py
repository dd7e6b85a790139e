"""`keras-munet karaoke`: the karaoke page, served on this machine."""

import contextlib
import tempfile
import webbrowser
from pathlib import Path

import click

from keras_munet.cli.options import quiet_option


@click.command(name="karaoke")
@click.option(
    "--model",
    required=True,
    type=click.Path(path_type=Path),
    help="A .tflite, a .keras, a run folder, or a folder of `export web`.",
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
    model: Path,
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

    with contextlib.ExitStack() as stack:
        folder = model
        if not is_page(model):
            temporary = stack.enter_context(tempfile.TemporaryDirectory())
            folder = Path(temporary) / "page"
            if not quiet:
                click.echo("Making the page ...", err=True)
            export_web(model, folder)
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
