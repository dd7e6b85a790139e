"""`keras-munet synth`: generated music with its stems."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keras_munet.cli.options import progress_bar, quiet_option

if TYPE_CHECKING:
    from keras_munet.music.collection import Engine


def _engine(name: str) -> "Engine":
    if name == "studio":
        from keras_munet.studio.engine import STUDIO

        return STUDIO
    from keras_munet.music.collection import PLAIN

    return PLAIN


@click.command("synth")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--tracks",
    "n_tracks",
    type=click.IntRange(min=0, max=100_000),
    default=20,
    show_default=True,
    help="Songs under OUT/train.",
)
@click.option(
    "--test-tracks",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Songs under OUT/test, other ones than those under train.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=1),
    default=30.0,
    show_default=True,
    help="Length of each song.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed gives the same songs.",
)
@click.option(
    "--engine",
    type=click.Choice(["numpy", "studio"]),
    default="numpy",
    show_default=True,
    help="numpy: simple tones, quick. studio: sampled instruments, singers and a "
    "mixing desk, for training; needs pip install 'keras-munet[studio]' and Debian "
    "packages that a message names.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Processes; all processors by default.",
)
@quiet_option
def command(
    out: Path,
    n_tracks: int,
    test_tracks: int,
    seconds: float,
    seed: int,
    engine: str,
    workers: int | None,
    quiet: bool,
) -> None:
    """Generate music with its stems, in MUSDB18-HQ layout.

    Each song has drums, a bass, chords and arpeggios, and a sung-like melody, with
    tempo, key, timbres and levels of its own, all 44.1 kHz stereo, 16 bit:

    \b
      OUT/train/NAME/{mixture,vocals,drums,bass,other}.wav

    The mixture is the exact sum of the stems. Run the command again to finish an
    interrupted run, or with a larger --tracks to add songs.

    With --engine studio, the songs under OUT/test have singers and instruments that
    no song under OUT/train has.

    \b
    Examples:
      keras-munet synth songs --tracks 20 --test-tracks 2
      keras-munet synth records --engine studio --tracks 1000 --seconds 48
      keras-munet prepare songs cache
    """  # noqa: D301  click reads the control character
    from keras_munet.music.collection import write_tracks

    if n_tracks + test_tracks < 1:
        raise click.UsageError("Ask for at least one track: --tracks N")
    with progress_bar("Playing songs", quiet=quiet) as progress:
        write_tracks(
            out,
            n_tracks,
            seconds=seconds,
            seed=seed,
            n_test_tracks=test_tracks,
            engine=_engine(engine),
            workers=workers,
            progress=progress,
        )
    if not quiet:
        minutes = (n_tracks + test_tracks) * seconds / 60
        click.echo(
            f"{out}: {n_tracks} train and {test_tracks} test tracks, "
            f"{minutes:.1f} minutes."
        )
