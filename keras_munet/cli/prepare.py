"""`keras-munet prepare`: a data set of stems becomes a training cache."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_munet.cli.options import (
    overwrite_option,
    progress_bar,
    quiet_option,
    split_names,
    stem_name_option,
)

if TYPE_CHECKING:
    from keras_munet.data.dataset import Dataset


@click.command("prepare")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("cache", type=click.Path(path_type=Path))
@click.option(
    "--sources",
    default="vocals,accompaniment",
    show_default=True,
    callback=split_names,
    help="What the network will learn, e.g. vocals,drums,bass,other.",
)
@stem_name_option
@click.option(
    "--validation-share",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.05,
    show_default=True,
    help="Share of the training tracks held out, where the data set names none.",
)
@click.option(
    "--silence-energy",
    type=click.FloatRange(min=0),
    help="A chunk with a source of less energy than this, per 6 s, counts as silent "
    "(default: 1, about -48 dB).",
)
@click.option(
    "--frames",
    "n_frames",
    type=click.IntRange(min=2),
    default=256,
    show_default=True,
    help="Frames of a chunk, a multiple of 64 for all networks but the tiny ones. "
    "256 are 6 s (paper), 128 are 3 s.",
)
@click.option(
    "--channels",
    "n_channels",
    type=click.IntRange(1, 2),
    default=1,
    show_default=True,
    help="2 keeps left and right, for the augmentation `channels`; twice the size.",
)
@click.option(
    "--sample-rate",
    type=click.IntRange(min=1),
    default=10880,
    show_default=True,
    help="Hertz. For `fit --reader device` up to twice what the network hears, so that "
    "songs which are slowed down still fill its band.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of that share.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Processes; all processors by default.",
)
@overwrite_option
@quiet_option
def command(
    source: Path,
    cache: Path,
    sources: tuple[str, ...],
    stem_names: tuple[tuple[str, str], ...],
    validation_share: float,
    silence_energy: float | None,
    n_frames: int,
    n_channels: int,
    sample_rate: int,
    seed: int,
    workers: int | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Cut a data set of stems into a training cache.

    SOURCE is a MUSDB18 or MUSDB18-HQ folder, a folder with a folder for each track,
    or one .stem.mp4. A track folder holds a file for each stem (wav, flac, aiff,
    ogg, opus, mp3, m4a); a missing accompaniment or mixture is added up. Folders
    called train, valid and test around the tracks give the split; without, some
    tracks are held out for validation.

    Run the command again to finish an interrupted run: finished tracks are kept.

    \b
    Examples:
      keras-munet prepare musdb18 cache --sources vocals,drums,bass,other
      keras-munet prepare my-songs cache --stem-name vocals=lead_vox
    """  # noqa: D301  click reads the control character
    from keras_munet.config import DataConfig, STFTConfig
    from keras_munet.data.cache import prepare

    settings: dict[str, Any] = {}
    if silence_energy is not None:
        settings["silence_energy"] = silence_energy
    try:
        config = DataConfig(
            sources=sources,
            stft=STFTConfig(sample_rate=sample_rate, n_frames=n_frames),
            validation_share=validation_share,
            seed=seed,
            stem_names=stem_names,
            n_channels=n_channels,
            **settings,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    with progress_bar("Preparing tracks", quiet=quiet) as progress:
        dataset = prepare(
            source,
            cache,
            config,
            workers=workers,
            overwrite=overwrite,
            progress=progress,
        )
    for warning in dataset.warnings:
        click.echo(f"Warning: {warning}", err=True)
    if not quiet:
        click.echo(_summary(dataset))


def _summary(dataset: "Dataset") -> str:
    """Says how many tracks and chunks there are, and how loud the sources are."""
    lines = [f"{dataset.folder}"]
    for split in ("train", "valid", "test"):
        n_tracks = sum(shard.split == split for shard in dataset.shards)
        n_all = dataset.n_chunks(split)
        n_loud = dataset.n_chunks(split, keep_silent=False)
        if n_all:
            share = 100 * (n_all - n_loud) / n_all
            lines.append(
                f"  {split:5}  {n_tracks:4} tracks  {n_all:6} chunks, "
                f"{share:.0f} % with a silent source"
            )
    if dataset.n_chunks("train"):
        lines.append("Mean energy of the training chunks (per 6 s):")
        some = dataset.n_chunks("train", keep_silent=False)
        without = dataset.energies_without_silent if some else {}
        for name, value in dataset.energies.items():
            rest = f"   without silent chunks {without[name]:9.4f}" if some else ""
            lines.append(f"  {name:14}{value:9.4f}{rest}")
    return "\n".join(lines)
