"""`keras-munet separate`: songs in, stems out."""

import contextlib
import dataclasses
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from keras_munet.cli.options import (
    MODEL,
    overwrite_option,
    progress_bar,
    quiet_option,
    split_names,
)
from keras_munet.cli.tensorflow import import_quietly
from keras_munet.errors import AudioError, MunetError
from keras_munet.weights import DEFAULT

if TYPE_CHECKING:
    from keras_munet.separation.files import FileResult, Output
    from keras_munet.separation.separator import Separator

SUFFIXES = (
    *(".aac", ".aif", ".aifc", ".aiff", ".caf", ".flac", ".m4a", ".m4b", ".mka"),
    *(".mkv", ".mov", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".wav", ".webm"),
    ".wma",
)
"""What counts as a song in a folder; files that are named are always tried."""

PIPE = Path("-")


@dataclasses.dataclass(frozen=True)
class Song:
    """A file to separate, and what its stems' files are named after."""

    path: Path
    name: str
    piped: bool = False


@click.command(name="separate")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@click.option(
    "--model",
    default=DEFAULT,
    show_default=True,
    type=MODEL,
    help="Name of a shipped model (see `keras-munet models`), or a run folder, a "
    ".keras, a SavedModel folder or a .tflite.",
)
@click.option(
    "--out",
    default="separated",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the stems; - writes one stem to stdout as wav.",
)
@click.option("--stems", callback=split_names, help="Only these: vocals,drums")
@click.option("--two-stems", metavar="SOURCE", help="SOURCE, and all but SOURCE.")
@click.option(
    "--format",
    type=click.Choice(["wav", "flac", "mp3", "ogg"]),
    default="wav",
    show_default=True,
    help="Format of the stems.",
)
@click.option(
    "--bit-depth",
    type=click.Choice(["16", "24", "float"]),
    default="16",
    show_default=True,
    help="Of wav and flac (flac: 16 or 24).",
)
@click.option(
    "--template",
    default="{name}/{stem}.{ext}",
    show_default=True,
    help="Names of the files below --out.",
)
@overwrite_option
@click.option(
    "--band",
    type=click.Choice(["full", "model"]),
    default="full",
    show_default=True,
    help="full: rate and channels of the song. model: mono, at the model's rate.",
)
@click.option(
    "--masks",
    type=click.Choice(["sum", "raw"]),
    default="sum",
    show_default=True,
    help="sum: stems sum to the song. raw: masks as the network gives them.",
)
@click.option(
    "--overlap",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.25,
    show_default=True,
    help="Share of the network's windows that is computed twice.",
)
@click.option(
    "--start", type=click.FloatRange(0), default=0.0, help="Begin here, in seconds."
)
@click.option(
    "--duration",
    type=click.FloatRange(0, min_open=True),
    help="Separate this many seconds.",
)
@click.option(
    "--batch",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Windows per call of the network; more suit a GPU.",
)
@click.option("--threads", type=click.IntRange(1), help="All cores by default.")
@click.option("--device", metavar="cpu|gpu|gpu:N", help="Where the network runs.")
@click.option("--plot", is_flag=True, help="Also write a sheet of spectrograms.")
@quiet_option
def command(
    files: tuple[Path, ...],
    model: str,
    out: Path,
    stems: tuple[str, ...],
    two_stems: str | None,
    format: str,
    bit_depth: str,
    template: str,
    overwrite: bool,
    band: str,
    masks: str,
    overlap: float,
    start: float,
    duration: float | None,
    batch: int,
    threads: int | None,
    device: str | None,
    plot: bool,
    quiet: bool,
) -> int:
    """Separate songs into stems.

    FILE: audio of any format, a film with sound, a folder of songs, or - for stdin.
    The files that were written are listed on stdout.
    """
    from keras_munet.separation.files import Output
    from keras_munet.separation.runtime import find_models
    from keras_munet.separation.separator import Separator

    if format == "flac" and bit_depth == "float":
        raise click.UsageError("flac holds no float samples: choose 24 bit, or wav.")
    try:
        output = Output(
            format=format,
            bit_depth=None if bit_depth == "float" else int(bit_depth),
            template=template,
            overwrite=overwrite,
            plot=plot,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if any(kind != "tflite" for kind, _ in find_models(model, device=device)):
        import_quietly()
    separator = Separator.load(
        model,
        stems=stems,
        two_stems=two_stems,
        masks=masks,
        band=band,
        overlap=overlap,
        batch=batch,
        threads=threads,
        device=device,
    )
    songs = list(_songs(files))
    if out == PIPE:
        _check_pipe(songs, separator, output)
    cut = (start, duration)
    return _Job(separator, output, out, cut, quiet=quiet).run(songs)


class _Job:
    """Separates song after song; one that fails does not stop the others."""

    def __init__(
        self,
        separator: "Separator",
        output: "Output",
        out: Path,
        cut: tuple[float, float | None],
        *,
        quiet: bool,
    ) -> None:
        self._separator, self._output, self._out = separator, output, out
        self._cut, self._quiet = cut, quiet
        self._written: set[Path] = set()
        self._done: list[FileResult] = []
        self._n_failed = 0

    def run(self, songs: list[Song]) -> int:
        """Returns the exit code."""
        began = time.monotonic()
        for song in songs:
            try:
                self._finish(self._separate(song))
            except (MunetError, OSError) as error:
                if isinstance(error, BrokenPipeError):
                    raise
                self._n_failed += 1
                click.echo(f"Error: {_reason(song, error)}", err=True)
        if not self._quiet:
            self._summarize(len(songs), time.monotonic() - began)
        return 1 if self._n_failed else 0

    def _separate(self, song: Song) -> "FileResult":
        from keras_munet.separation.files import separate_file

        start_s, duration_s = self._cut
        output = dataclasses.replace(self._output, name=song.name)
        self._check_unique(song, output)
        with (
            _source(song) as audio,
            progress_bar(song.name, quiet=self._quiet) as progress,
        ):
            return separate_file(
                self._separator.start,
                song.path,
                self._out,
                output=output,
                start_s=start_s,
                duration_s=duration_s,
                progress=progress,
                audio=audio,
                pipe=sys.stdout.buffer if self._out == PIPE else None,
            )

    def _check_unique(self, song: Song, output: "Output") -> None:
        for stem in self._separator.stems:
            path = output.path(self._out, song.name, stem)
            if path in self._written:
                raise AudioError(
                    f"{song.path}: {path} was just written for another song of the "
                    "same name. Separate it into another folder."
                )

    def _finish(self, result: "FileResult") -> None:
        self._done.append(result)
        self._written.update(result.files)
        for file in result.files:
            click.echo(file)
        for warning in result.warnings:
            click.echo(f"Warning: {warning}", err=True)
        if not result.complete:
            self._n_failed += 1

    def _summarize(self, n_songs: int, took_s: float) -> None:
        n_files = sum(len(result.files) for result in self._done)
        audio_s = sum(result.duration_s for result in self._done)
        speed = audio_s / took_s if took_s else 0.0
        failed = f" {self._n_failed} failed or incomplete." if self._n_failed else ""
        click.echo(
            f"{len(self._done)} of {n_songs} songs separated into {n_files} files: "
            f"{_clock(audio_s)} of audio in {_clock(took_s)} "
            f"({speed:.1f} times real time, {self._separator.runtime.name}).{failed}",
            err=True,
        )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min"


def _reason(song: Song, error: Exception) -> str:
    if isinstance(error, OSError):
        place = error.filename or song.path
        return f"{song.path}: {error.strerror or error} ({place})."
    text = str(error)
    return text if str(song.path) in text else f"{song.path}: {text}"


def _songs(files: tuple[Path, ...]) -> Iterator[Song]:
    """Looks into folders; songs in them are named by their place there."""
    for file in files:
        if file == PIPE:
            yield Song(Path("stdin"), "stdin", piped=True)
        elif file.is_dir():
            found = sorted(path for path in file.rglob("*") if _is_song(path))
            if not found:
                raise AudioError(f"{file} holds no audio files.")
            for path in found:
                yield Song(path, path.relative_to(file).with_suffix("").as_posix())
        else:
            yield Song(file, file.stem)


def _is_song(path: Path) -> bool:
    known = path.suffix.lower() in SUFFIXES
    return known and path.is_file() and not path.name.startswith(".")


@contextlib.contextmanager
def _source(song: Song) -> Iterator[IO[bytes] | None]:
    """Gives stdin as a file on disk: most formats cannot be read from a pipe."""
    if not song.piped:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        yield file


def _check_pipe(songs: list[Song], separator: "Separator", output: "Output") -> None:
    if len(separator.stems) != 1 or len(songs) != 1:
        raise click.UsageError(
            "--out - takes one song and one stem: choose it with --stems, for "
            "instance --stems vocals, or --two-stems vocals --stems accompaniment."
        )
    if output.format != "wav" or output.plot:
        raise click.UsageError("--out - writes wav, and no --plot.")
