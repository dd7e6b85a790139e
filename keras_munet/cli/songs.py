"""Song after song into files: what `separate` and `remote-separate` do alike."""

import contextlib
import dataclasses
import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from keras_munet.cli.options import progress_bar
from keras_munet.cli.song_options import Request
from keras_munet.cli.streams import OutputError
from keras_munet.errors import OUT_OF_MEMORY, AudioError, MunetError, is_out_of_memory
from keras_munet.separation.songs import PIPE, Found, Song, find_songs

if TYPE_CHECKING:
    from keras_munet.separation.files import FileResult, Output
    from keras_munet.separation.separator import Separator

BLOCK = 2**20
"""Bytes of stdin that are copied at once."""


def separate_songs(request: Request, separator: "Separator", output: "Output") -> int:
    """Separates all that is asked for; returns the exit code."""
    found = find_songs(
        request.files,
        request.out,
        lambda name: [output.path(request.out, name, s) for s in separator.stems],
    )
    if request.out == PIPE:
        _check_pipe(found.songs, separator, output)
    return _Job(request, separator, output).run(found)


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
        self._unlisted: OutputError | None = None

    def run(self, found: Found) -> int:
        """Returns the exit code.

        Raises:
            OutputError: at the end, when stdout could not be written to.
        """
        began = time.monotonic()
        for why in found.empty:
            self._fail(why)
        for song in found.songs:
            try:
                self._finish(self._separate(song))
            except OutputError:
                raise
            except Exception as error:  # whatever it is, the others have their turn
                logging.getLogger(__name__).debug("%s", song.path, exc_info=True)
                self._fail(_reason(song, error))
        if not self._quiet:
            self._summarize(found, time.monotonic() - began)
        if self._unlisted is not None:
            raise self._unlisted
        return 1 if self._n_failed else 0

    def _fail(self, why: str) -> None:
        self._n_failed += 1
        click.echo(f"Error: {why}", err=True)

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
        self._list(result.files)
        for warning in result.warnings:
            click.echo(f"Warning: {warning}", err=True)
        if not result.complete:
            self._n_failed += 1

    def _list(self, files: list[Path]) -> None:
        """Names what was written; where nobody can hear it, the work goes on."""
        if self._unlisted is None:
            try:
                for file in files:
                    click.echo(file)
            except OutputError as error:
                self._unlisted = error

    def _summarize(self, found: Found, took_s: float) -> None:
        n_files = sum(len(result.files) for result in self._done)
        audio_s = sum(result.duration_s for result in self._done)
        speed = audio_s / took_s if took_s else 0.0
        failed = f" {self._n_failed} failed or incomplete." if self._n_failed else ""
        stems = (
            f" {found.n_stems} stems of earlier runs left out." if found.n_stems else ""
        )
        click.echo(
            f"{len(self._done)} of {len(found.songs)} songs separated into {n_files} "
            f"files: {_clock(audio_s)} of audio in {_clock(took_s)} ({speed:.1f} times "
            f"real time, {self._separator.runtime.name}).{failed}{stems}",
            err=True,
        )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min"


def _reason(song: Song, error: Exception) -> str:
    """Names the song, what is wrong, and what to do about it."""
    if is_out_of_memory(error):
        text = OUT_OF_MEMORY
    elif isinstance(error, MunetError):
        text = str(error)
    elif isinstance(error, OSError):
        place = error.filename or song.path
        text = f"{error.strerror or error} ({place})."
    else:
        text = (
            f"{type(error).__name__}: {error}. This is a fault of keras-munet: please "
            "report it, with the song."
        )
    return text if text.startswith(str(song.path)) else f"{song.path}: {text}"


@contextlib.contextmanager
def _source(song: Song) -> Iterator[IO[bytes] | None]:
    """Gives stdin as a file on disk: most formats cannot be read from a pipe."""
    if not song.piped:
        yield None
        return
    if sys.stdin is None:
        raise AudioError("stdin is closed: nothing can be read from -.")
    with tempfile.TemporaryFile() as file:
        while block := sys.stdin.buffer.read(BLOCK):
            try:
                file.write(block)
            except OSError as error:
                raise AudioError(
                    f"What comes from stdin cannot be kept in {tempfile.gettempdir()}: "
                    f"{error.strerror}. Choose a larger place with TMPDIR."
                ) from error
        yield file


def _check_pipe(songs: list[Song], separator: "Separator", output: "Output") -> None:
    if len(separator.stems) != 1 or len(songs) != 1:
        raise click.UsageError(
            "--out - takes one song and one stem: choose it with --stems, for "
            "instance --stems vocals, or --two-stems vocals --stems accompaniment."
        )
    if output.format != "wav" or output.plot:
        raise click.UsageError("--out - writes wav, and no --plot.")
