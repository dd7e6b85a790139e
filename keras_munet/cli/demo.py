"""`keras-munet demo`: the whole road, on generated music and a real excerpt."""

from pathlib import Path

import click

from keras_munet.cli.options import print_table, progress_bar, quiet_option
from keras_munet.weights import DEFAULT


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("demo-out"),
    show_default=True,
    help="Folder for everything. The same command again goes on where it stopped.",
)
@click.option("--tracks", default=16, show_default=True, help="Songs to train on.")
@click.option("--seconds", default=24.0, show_default=True, help="Length of a song.")
@click.option("--epochs", default=30, show_default=True, help="Passes over them.")
@click.option("--width", default=8, show_default=True, help="Filters of level one.")
@click.option("--seed", default=0, show_default=True)
@quiet_option
def command(
    out: Path,
    tracks: int,
    seconds: float,
    epochs: int,
    width: int,
    seed: int,
    quiet: bool,
) -> int:
    """Train on generated songs, then separate a new song and a real one.

    Takes a few minutes on two cores and needs no data: it generates songs with
    their stems, prepares them, trains a small M-U-Net with the energy-based
    weighting EBW_P1 of the paper, separates a generated song that training never
    saw and the MUSDB18 excerpt that `stempeg` ships, and scores both beside the
    unprocessed mixture. Shows every step that your own data would take. Beside the
    small network's scores on the real excerpt stand those of the weights that come
    with the package (`keras-munet models`).
    """
    from keras_munet.cli.quiet import import_quietly

    import_quietly()
    from keras_munet.cli import demo_steps as steps
    from keras_munet.data.excerpt import excerpt

    def say(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    say(f"1/5  Generating {tracks} songs to train on and one to test with")
    with progress_bar("songs", quiet=quiet) as progress:
        songs = steps.make_songs(out, tracks, seconds, seed, progress)
    say("2/5  Preparing the training cache")
    with progress_bar("tracks", quiet=quiet) as progress:
        dataset = steps.make_cache(out, songs, progress)
    say("3/5  Training (EBW_P1)")
    run = steps.train_network(out, dataset, width, epochs, seed, quiet=quiet)
    say("4/5  Separating the unseen song and the real excerpt")
    tests = {"generated": songs, "excerpt": excerpt()}
    stems = [steps.separate(out, run, name, path) for name, path in tests.items()]
    if steps.has_shipped():
        stems.append(steps.separate(out, DEFAULT, steps.SHIPPED, tests["excerpt"]))
    else:
        say("     (the weights that come with the package are not there: left out)")
    say("5/5  Scoring them (BSS Eval v3, paper's protocol)")
    reports = {name: steps.score(out, run, name, path) for name, path in tests.items()}
    for name, report in reports.items():
        click.echo(f"\n{steps.TITLES[name]}")
        print_table(steps.table(report))
    if steps.has_shipped():
        shipped = steps.score(out, DEFAULT, steps.SHIPPED, tests["excerpt"])
        click.echo(steps.shipped_line(shipped))
    pictures = steps.draw(out, run, dataset, stems)
    click.echo(f"\nModel     {run / 'model.keras'} and {run / 'model.tflite'}")
    for folder in stems:
        click.echo(f"Stems     {folder}")
    for picture in pictures:
        click.echo(f"Picture   {picture}")
    click.echo("\nYour own stems:  keras-munet prepare --help")
    return 1 if any(report.failed for report in reports.values()) else 0
