"""`keras-munet fit`: train a network on a cache, or go on where it stopped."""

import dataclasses
from pathlib import Path
from typing import Any

import click

from keras_munet.cli.options import quiet_option, split_names
from keras_munet.config import (
    ARCHITECTURES,
    AUGMENTATIONS,
    ENERGIES,
    LOSSES,
    OPTIMIZERS,
    PRECISIONS,
    SCHEDULES,
    TWO_SOURCES,
    WARPS,
    WEIGHTINGS,
    DataConfig,
    FitConfig,
    STFTConfig,
)
from keras_munet.errors import MunetError
from keras_munet.presets import PRESETS, preset


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--run",
    "folder",
    required=True,
    type=click.Path(path_type=Path),
    help="Run folder. The same command again goes on with the run.",
)
@click.option(
    "--preset",
    "preset_name",
    metavar="NAME",
    help="Settings to start from; by default mobile-2src or mobile-4src, as the data "
    f"are. One of {', '.join(PRESETS)}.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="JSON file of settings (a run's config.json) instead of a preset.",
)
@click.option("--architecture", type=click.Choice(ARCHITECTURES))
@click.option("--source", help="The one source of a dedicated network.")
@click.option(
    "--all-sources",
    is_flag=True,
    help="Train one dedicated network per source, one after another; the run folder "
    "is one model for `separate` and `evaluate`.",
)
@click.option("--width", type=int, help="Filters of the first level (paper: 32).")
@click.option("--depth", type=int, help="Levels that halve the picture (paper: 6).")
@click.option(
    "--output-bias",
    type=float,
    help="Start of the last bias; 0 (paper), or positive to keep ReLU masks alive.",
)
@click.option(
    "--warp",
    type=click.Choice(WARPS),
    help="Frequency axis: `paper` resamples as the authors' code does.",
)
@click.option("--weighting", type=click.Choice(WEIGHTINGS))
@click.option(
    "--energies",
    type=click.Choice(ENERGIES),
    help="What ebw-p1, ebw-p2 and oh weight by: waveform (paper), or warped, the "
    "frequency axis of the loss.",
)
@click.option("--loss", type=click.Choice(LOSSES))
@click.option("--normalize/--no-normalize", default=None, help="Weights of sum K.")
@click.option("--optimizer", type=click.Choice(OPTIMIZERS))
@click.option("--learning-rate", type=float)
@click.option(
    "--schedule",
    type=click.Choice(SCHEDULES),
    help="cosine: warm-up, then down to zero until the end of --epochs or --minutes.",
)
@click.option("--clip-norm", type=float, help="Bound of the gradient norm; 0: none.")
@click.option("--batch-size", type=int)
@click.option("--epochs", type=int, help="Upper bound. May be raised later.")
@click.option(
    "--minutes",
    type=float,
    help="Bound of the training time, over all starts. May be raised later.",
)
@click.option("--stop-patience", type=int, help="Epochs without progress.")
@click.option(
    "--augment",
    callback=split_names,
    help=f"Comma-separated, of: {', '.join(AUGMENTATIONS)}.",
)
@click.option(
    "--keep-silent/--no-keep-silent",
    default=None,
    help="Train on chunks with a silent source, too.",
)
@click.option("--precision", type=click.Choice(PRECISIONS))
@click.option(
    "--jit/--no-jit",
    default=None,
    help="Compile the training step with XLA; needs --no-deterministic.",
)
@click.option(
    "--deterministic/--no-deterministic",
    default=None,
    help="Bit-identical reruns (default) or, on a GPU, some more speed.",
)
@click.option("--seed", type=int)
@click.option(
    "--reader",
    type=click.Choice(("cache", "device", "tfio")),
    default="cache",
    show_default=True,
    help="device: the cache's songs lie on the accelerator, which also augments them. "
    "tfio: DATA is a folder of wav or flac stems, decoded in the graph without "
    "`prepare`; needs the extra [tfio].",
)
@click.option(
    "--sources",
    callback=split_names,
    help="What to train on: some of the cache's sources (by default all), or sums of "
    "them, as accompaniment is of drums, bass and other.",
)
@click.option(
    "--init",
    "init_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="MODEL.keras",
    help="Begin a new run with the weights of this network; one for other sources "
    "gives all but the last layer.",
)
@click.option("--no-tflite", is_flag=True, help="Leave no model.tflite at the end.")
@quiet_option
def command(
    data: Path,
    folder: Path,
    preset_name: str | None,
    config_file: Path | None,
    source: str | None,
    all_sources: bool,
    reader: str,
    sources: tuple[str, ...],
    init_file: Path | None,
    no_tflite: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Train on DATA, a cache written by `keras-munet prepare`.

    The run folder holds model.keras (the best so far), model.tflite (for quick
    separation), history.csv, tensorboard/ and all that is needed to go on after
    a stop at any instant. Stop with Ctrl-C, start again with the same command.

    \b
      keras-munet prepare my-stems cache
      keras-munet fit cache --run run --weighting ebw-p1 --epochs 100
      keras-munet separate song.mp3 --model run --out stems
    """  # noqa: D301  click reads the control character
    from keras_munet.cli.quiet import import_backend_quietly

    import_backend_quietly()
    from keras_munet.training.backend import check_backend

    check_backend()
    from keras_munet.cli.training import train
    from keras_munet.training.run_folder import as_begun

    dataset = _open(data, reader, sources)
    sources, stft = sources or dataset.sources, dataset.config.stft
    config = _base_config(preset_name, config_file, len(sources), settings["weighting"])
    if reader == "device":  # the cache's rate may be higher than the network's
        stft = dataclasses.replace(stft, sample_rate=config.model.stft.sample_rate)
    config = _with_settings(config, sources, stft, settings, source, all_sources)
    config = as_begun(config, folder)
    train(
        dataset,
        config,
        folder,
        all_sources=sources if all_sources else (),
        on_device=reader == "device",
        init=init_file,
        tflite=not no_tflite,
        quiet=quiet,
    )


def _open(data: Path, reader: str, sources: tuple[str, ...]) -> Any:
    """Opens the cache, or the folder of audio files."""
    if reader == "tfio":
        from keras_munet.data.tfio import open_files

        return open_files(data, DataConfig(sources=sources or TWO_SOURCES))
    from keras_munet.data.cache import open_dataset

    return open_dataset(data, verify=True)


def _base_config(
    name: str | None, file: Path | None, n_sources: int, weighting: str | None
) -> FitConfig:
    if name and file:
        raise click.UsageError("Give --preset or --config, not both.")
    if file:
        return FitConfig.from_file(file)
    own = f"mobile-{n_sources}src" if n_sources in (2, 4) else "mobile-2src"
    return preset(name or own, weighting=weighting)


def _with_settings(
    config: FitConfig,
    sources: tuple[str, ...],
    stft: STFTConfig,
    settings: dict[str, Any],
    source: str | None,
    all_sources: bool,
) -> FitConfig:
    """Returns the config with the options that were given."""
    architecture = settings.pop("architecture") or config.model.unet.architecture
    sizes = {
        name: size
        for name in ("width", "depth", "output_bias")
        if (size := settings.pop(name)) is not None
    }
    warp = settings.pop("warp") or config.model.stft.warp
    if all_sources or source:
        architecture = "dedicated"
    if architecture == "dedicated" and not all_sources and source is None:
        raise click.UsageError(
            "A dedicated network needs --source NAME, or --all-sources for one each."
        )
    if source is not None and source not in sources:
        raise MunetError(
            f"{source!r} is no source of this cache. Its sources: {', '.join(sources)}."
        )
    if architecture == "dedicated":
        sources = (source or sources[0],)
    try:
        model = dataclasses.replace(
            config.model,
            sources=sources,
            stft=dataclasses.replace(stft, warp=warp),
            unet=dataclasses.replace(
                config.model.unet, architecture=architecture, **sizes
            ),
        )
        given = {k: v for k, v in settings.items() if v is not None and v != ()}
        if model.n_losses == 1:
            given.setdefault("weighting", "unit")
        return dataclasses.replace(config, model=model, **given)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
