"""`keras-munet import-weights`: the authors' PyTorch checkpoint as a .keras model."""

from pathlib import Path

import click

from keras_munet.cli.options import overwrite_option, quiet_option, split_names
from keras_munet.config import ARCHITECTURES


@click.command("import-weights")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--sources",
    callback=split_names,
    metavar="NAMES",
    help="What the outputs are, in order. Default: vocals,accompaniment for two, "
    "vocals,drums,bass,other for four.",
)
@click.option(
    "--architecture",
    type=click.Choice(ARCHITECTURES),
    help="Refuse anything else. By default the tensors tell.",
)
@overwrite_option
@quiet_option
def command(
    checkpoint: Path,
    model: Path,
    sources: tuple[str, ...],
    architecture: str | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Turn the authors' PyTorch checkpoint into a .keras model.

    Takes the M-U-Net, dedicated and C-U-Net checkpoints of Kadandale et al. 2020.
    Every tensor is used exactly once, or nothing is written. Code inside the file is
    never run. Needs PyTorch: pip install 'keras-munet[torch]'

    \b
    Examples:
      keras-munet import-weights bestcheckpoint.pth munet.keras
      keras-munet import-weights baseline.pth vocals.keras --sources vocals
      keras-munet separate song.mp3 --model munet.keras --out stems
    """  # noqa: D301  click reads the control character
    from keras_munet.cli.quiet import import_quietly
    from keras_munet.interop.torch_checkpoint import read_checkpoint

    if model.suffix != ".keras":
        raise click.UsageError(f"MODEL must end in .keras. Received: {model}")
    try:
        read = read_checkpoint(checkpoint, sources=sources, architecture=architecture)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    import_quietly()
    result = read.save(model, overwrite=overwrite)
    if not quiet:
        config = result.config
        click.echo(
            f"{model}: {config.unet.architecture}, {', '.join(config.sources)}; "
            f"width {config.unet.width}, {result.n_parameters:,} parameters.\n"
            f"{result.n_used} tensors used, each once; {result.n_counters} batch "
            "counters (num_batches_tracked) have no place and were left out."
        )
