"""`keras-munet export web`: the karaoke page with a model, as a static folder."""

from pathlib import Path

import click

from keras_munet.cli.options import MODEL, overwrite_option, quiet_option


@click.command(name="web")
@click.argument("model", type=MODEL)
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--title", default="Karaoke", show_default=True, help="Of the page.")
@click.option(
    "--weights",
    type=click.Choice(["float16", "float32"]),
    default="float16",
    show_default=True,
    help="float16: half the download. Counts unless MODEL is a .tflite already.",
)
@click.option("--no-demo", is_flag=True, help="Leave the demo song out.")
@overwrite_option
@quiet_option
def command(
    model: str,
    out: Path,
    title: str,
    weights: str,
    no_demo: bool,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Write the karaoke page: a folder that any web server can host.

    MODEL is a shipped model (`vocals` for karaoke, `4stems`), a .tflite, a .keras, or a
    run folder. Songs are separated in the
    browser; nothing is uploaded. Serve the folder over https, or look at it here
    with `keras-munet karaoke --model OUT`.
    """
    from keras_munet.export.web import export_web

    page = export_web(
        model,
        out,
        title=title,
        weights=weights,
        demo=not no_demo,
        overwrite=overwrite,
    )
    click.echo(
        f"{page.folder}: {page.n_bytes / 1e6:.1f} MB, "
        f"of which the model {page.model_bytes / 1e6:.1f} MB"
    )
    if not quiet:
        click.echo(f"Look at it:  keras-munet karaoke --model {page.folder}", err=True)
