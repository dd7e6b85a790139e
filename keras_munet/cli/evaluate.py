"""`keras-munet evaluate`: BSS Eval scores of a model, or of anybody's stems."""

from pathlib import Path

import click

from keras_munet.cli.options import (
    MODEL,
    overwrite_option,
    print_table,
    progress_bar,
    quiet_option,
    split_names,
    stem_name_option,
)
from keras_munet.cli.quiet import start_quietly

PROTOCOLS = ("paper", "full-band", "museval")
SPLITS = ("test", "valid", "train", "all")


@click.command("evaluate")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--model",
    type=MODEL,
    help="Shipped model, run folder, .keras, .tflite, SavedModel or ensemble folder to "
    "score.",
)
@click.option(
    "--estimates",
    type=click.Path(path_type=Path),
    help="Folder with one folder of stems per track, to score instead of a model.",
)
@click.option(
    "--report",
    "path",
    type=click.Path(path_type=Path),
    required=True,
    help="JSON file to write; run again to go on.",
)
@click.option(
    "--oracle",
    is_flag=True,
    help="Score the ideal amplitude masks too: the upper bound of masking.",
)
@click.option(
    "--protocol",
    type=click.Choice(PROTOCOLS),
    default="paper",
    show_default=True,
    help="paper: mono at the model's rate, BSS Eval v3. full-band: all channels at "
    "the track's rate, v3 images. museval: the same, v4 (extra [museval]).",
)
@click.option(
    "--sources",
    callback=split_names,
    help="What to score, e.g. vocals,accompaniment. Default: what the model or "
    "folder has.",
)
@click.option("--split", type=click.Choice(SPLITS), default="test", show_default=True)
@click.option("--track", "names", multiple=True, help="Only this track; repeatable.")
@stem_name_option
@click.option(
    "--masks",
    type=click.Choice(("raw", "sum")),
    help="As the network gives them, or normalised. Default: raw for paper, else sum.",
)
@click.option(
    "--metric-backend",
    "backend",
    type=click.Choice(("fast", "mir_eval")),
    default="fast",
    show_default=True,
    help="Our BSS Eval v3, or mir_eval's (equal, slower).",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Tracks in work at once; all processors by default.",
)
@click.option("--device", help="Where the network runs: cpu, gpu, gpu:1.")
@click.option("--all-metrics", is_flag=True, help="Show every ratio for every row.")
@overwrite_option
@quiet_option
def command(
    data: Path,
    model: str | None,
    estimates: Path | None,
    path: Path,
    oracle: bool,
    protocol: str,
    sources: tuple[str, ...],
    split: str,
    names: tuple[str, ...],
    stem_names: tuple[tuple[str, str], ...],
    masks: str | None,
    backend: str,
    workers: int | None,
    device: str | None,
    all_metrics: bool,
    overwrite: bool,
    quiet: bool,
) -> int:
    """Score a model, or anybody's stems, with BSS Eval.

    DATA is what `prepare` takes: a MUSDB18 or MUSDB18-HQ root, or a folder of track
    folders. The table shows SDR, SIR and SAR as mean ± std (median) per source and
    overall, with the mixture's own score. Finished tracks are kept in the report:
    the same command goes on where it was stopped.

    \b
    Examples:
      keras-munet evaluate MUSDB18 --model run --report report.json --oracle
      keras-munet evaluate MUSDB18 --estimates demucs/htdemucs --report demucs.json \\
          --protocol full-band
    """  # noqa: D301  click reads the control character
    from keras_munet.config import DataConfig
    from keras_munet.evaluation.estimates import StemFolder
    from keras_munet.evaluation.evaluate import evaluate
    from keras_munet.evaluation.selection import choose_setting, select_tracks
    from keras_munet.evaluation.tables import remarks, report_table
    from keras_munet.workers import n_cores

    if model and estimates:
        raise click.UsageError("--model and --estimates exclude each other.")
    if not (model or estimates or oracle):
        raise click.UsageError("Say what to score: --model, --estimates or --oracle.")
    if path.suffix != ".json":
        raise click.UsageError(f"--report must end in .json. Received: {path}")
    config = DataConfig(stem_names=stem_names)
    if model:
        start_quietly(model, device=device)
    tracks = select_tracks(data, config, split=split, names=names)
    setting, estimator = choose_setting(
        tracks,
        model=model,
        estimates=estimates,
        stem_names=config.stem_names,
        sources=sources,
        protocol=protocol,
        split=split,
        masks=masks,
        backend=backend,
        oracle=oracle,
        device=device,
    )
    with progress_bar("Scoring", quiet=quiet) as progress:
        report = evaluate(
            tracks,
            setting,
            estimator,
            path,
            workers=workers or n_cores(),
            overwrite=overwrite,
            progress=progress,
        )
    print_table(report_table(report, all_metrics=all_metrics))
    said = remarks(report)
    if isinstance(estimator, StemFolder):
        unused = estimator.unused([track.name for track in tracks])
        said += [f"No track for the folder {name} of estimates." for name in unused]
    for remark in said:
        click.echo(remark, err=True)
    return 1 if report.failed else 0
