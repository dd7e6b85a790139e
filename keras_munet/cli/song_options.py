"""What `separate` and `remote-separate` are asked: songs, stems, and how to write."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_munet.cli.options import overwrite_option, quiet_option, split_names
from keras_munet.config import OVERLAP

if TYPE_CHECKING:
    from keras_munet.separation.files import Output


@dataclasses.dataclass(frozen=True)
class Request:
    """The options that both commands have; named as on the command line."""

    files: tuple[Path, ...]
    out: Path
    stems: tuple[str, ...]
    two_stems: str | None
    format: str
    bit_depth: str
    template: str
    overwrite: bool
    band: str
    masks: str
    overlap: float
    start: float
    duration: float | None
    track: int | None
    batch: int
    plot: bool
    quiet: bool

    def output(self) -> "Output":
        """Returns how stems are written.

        Raises:
            UsageError: when it cannot be done.
        """
        from keras_munet.separation.files import Output

        if self.format == "flac" and self.bit_depth == "float":
            raise click.UsageError(
                "flac holds no float samples: choose 24 bit, or wav."
            )
        try:
            return Output(
                format=self.format,
                bit_depth=None if self.bit_depth == "float" else int(self.bit_depth),
                template=self.template,
                overwrite=self.overwrite,
                plot=self.plot,
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from error

    def stems_choice(self) -> dict[str, Any]:
        """Returns what `Separator` is made with, whatever runs its network."""
        names = ("stems", "two_stems", "masks", "band", "overlap", "batch")
        return {name: getattr(self, name) for name in names}


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument(
        "files",
        nargs=-1,
        required=True,
        metavar="FILE...",
        type=click.Path(path_type=Path),
    ),
    click.option(
        "--out",
        default="separated",
        show_default=True,
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder for the stems; - writes one stem to stdout as wav.",
    ),
    click.option("--stems", callback=split_names, help="Only these: vocals,drums"),
    click.option("--two-stems", metavar="SOURCE", help="SOURCE, and all but SOURCE."),
    click.option(
        "--format",
        type=click.Choice(["wav", "flac", "mp3", "ogg"]),
        default="wav",
        show_default=True,
        help="Format of the stems.",
    ),
    click.option(
        "--bit-depth",
        type=click.Choice(["16", "24", "float"]),
        default="16",
        show_default=True,
        help="Of wav and flac (flac: 16 or 24).",
    ),
    click.option(
        "--template",
        default="{name}/{stem}.{ext}",
        show_default=True,
        help="Names of the files below --out.",
    ),
    overwrite_option,
    click.option(
        "--band",
        type=click.Choice(["full", "model"]),
        default="full",
        show_default=True,
        help="full: rate and channels of the song. model: mono, at the model's rate.",
    ),
    click.option(
        "--masks",
        type=click.Choice(["sum", "raw"]),
        default="sum",
        show_default=True,
        help="sum: stems sum to the song. raw: masks as the network gives them.",
    ),
    click.option(
        "--overlap",
        type=click.FloatRange(0, 1, max_open=True),
        default=OVERLAP,
        show_default=True,
        help="Share of the network's windows that is computed twice.",
    ),
    click.option(
        "--start", type=click.FloatRange(0), default=0.0, help="Begin here, in seconds."
    ),
    click.option(
        "--duration",
        type=click.FloatRange(0, min_open=True),
        help="Separate this many seconds.",
    ),
    click.option(
        "--track",
        type=click.IntRange(1),
        metavar="N",
        help="Audio track of a film, from 1; by default the one that the film marks, "
        "then the one with most channels, then the first.",
    ),
    click.option(
        "--batch",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Windows per call of the network; more suit a GPU, or a server.",
    ),
    click.option("--plot", is_flag=True, help="Also write a sheet of spectrograms."),
    quiet_option,
)


def song_options(command: Callable[..., int]) -> Callable[..., int]:
    """Gives a command these options, gathered as its first argument `request`."""
    names = {field.name for field in dataclasses.fields(Request)}

    @functools.wraps(command)
    def gathered(**values: Any) -> int:
        request = Request(**{name: values.pop(name) for name in names})
        return command(request, **values)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered
