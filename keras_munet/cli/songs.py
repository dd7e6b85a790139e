"""Song after song into files: what `separate` and `remote-separate` do alike."""

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

from keras_munet.audio.suffixes import SUFFIXES
from keras_munet.cli.options import progress_bar
from keras_munet.cli.song_options import PIPE, Request
from keras_munet.errors import AudioError, MunetError

if TYPE_CHECKING:
    from keras_munet.separation.files import FileResult, Output
    from keras_munet.separation.separator import Separator


@dataclasses.dataclass(frozen=True)
class Song:
    """A file to separate, and what its stems' files are named after."""

    path: Path
    name: str
    piped: bool = False


def separate_songs(request: Request, separator: "Separator", output: "Output") -> int:
    """Separates all that is asked for; returns the exit code."""
    songs = list(_songs(request.files))
    if request.out == PIPE:
        _check_pipe(songs, separator, output)
    return _Job(request, separator, output).run(songs)


class _Job:
    """Separates song after song; one that fails does not stop the others."""

    def __init__(
        self, request: Request, separator: "Separator", output: "Output"
    ) -> None:
        self._request, self._out, self._quiet = request, request.out, request.quiet
        self._separator, self._output = separator, output
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
                start_s=self._request.start,
                duration_s=self._request.duration,
                track=self._request.track,
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
