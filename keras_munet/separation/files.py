"""From a file to files: read, separate, quantise, write, all block by block."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from keras_munet.audio.reading import AudioReader, AudioWriter, open_audio
from keras_munet.audio.tags import STEM_MARK
from keras_munet.audio.wav_pipe import WavPipe
from keras_munet.audio.writer import FORMATS, LOSSY, SUBTYPES, write_error
from keras_munet.dsp import FloatArray
from keras_munet.errors import AudioError
from keras_munet.files import Swap
from keras_munet.separation.recipe import Recipe, complete, complete_quantized
from keras_munet.separation.sheet import Sheet
from keras_munet.separation.songs import song_name
from keras_munet.separation.stream import Piece, SeparationStream

Progress = Callable[[float, float], None]
Start = Callable[[int, int], SeparationStream]

TEMPLATE = "{name}/{stem}.{ext}"
SHEET_NAME = "spectrograms"


@dataclass(frozen=True)
class Output:
    """How stems are written.

    Attributes:
        format: `wav`, `flac`, `mp3` or `ogg`.
        bit_depth: 16 or 24; None for float. mp3 and ogg have none.
        template: names of the files, with `{name}` (the song's), `{stem}`, `{ext}`.
        overwrite: whether existing files are replaced.
        plot: whether a sheet of spectrograms is written beside the stems.
        name: what `{name}` stands for; the file's name without suffix by default.
    """

    format: str = "wav"
    bit_depth: int | None = 16
    template: str = TEMPLATE
    overwrite: bool = False
    plot: bool = False
    name: str | None = None

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ValueError(
                f"`format` must be one of {', '.join(FORMATS)}. "
                f"Received: format={self.format!r}"
            )
        if self.bit_depth not in (None, *SUBTYPES):
            raise ValueError(
                f"`bit_depth` must be 16, 24 or None. Received: {self.bit_depth}"
            )
        try:
            names = {self.path(Path(), "song", stem) for stem in ("a", "b")}
        except AudioError as error:
            raise ValueError(
                "`template` must stay inside the folder for the stems. "
                f"Received: {self.template!r}"
            ) from error
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise ValueError(
                "`template` may hold {name}, {stem} and {ext}. "
                f"Received: {self.template!r}"
            ) from error
        if len(names) < 2:
            raise ValueError(
                "`template` must hold {stem}, or stems would replace each other. "
                f"Received: {self.template!r}"
            )

    def path(self, folder: Path, name: str, stem: str, ext: str | None = None) -> Path:
        """Returns the file of one stem.

        Raises:
            AudioError: when it would not lie inside `folder`.
        """
        ext = ext or self.format
        inside = Path(self.template.format(name=name, stem=stem, ext=ext))
        if inside.is_absolute() or inside.drive or ".." in inside.parts:
            raise AudioError(
                f"{inside} leads out of {folder}. Choose another name or template."
            )
        return folder / inside

    @property
    def bits(self) -> int | None:
        """Bits of the integers in the files; None where they hold none."""
        return None if self.format in LOSSY else self.bit_depth


@dataclass
class FileResult:
    """What became of a file.

    Attributes:
        source: the file that was separated.
        files: what was written.
        duration_s: seconds of audio that were separated.
        warnings: what the listener should know.
        complete: whether the file could be read to its end.
    """

    source: Path
    files: list[Path] = field(default_factory=list)
    duration_s: float = 0.0
    warnings: list[str] = field(default_factory=list)
    complete: bool = True


def separate_file(
    start: Start,
    source: Path,
    folder: Path,
    *,
    output: Output,
    start_s: float = 0.0,
    duration_s: float | None = None,
    track: int | None = None,
    progress: Progress | None = None,
    audio: IO[bytes] | None = None,
    pipe: IO[bytes] | None = None,
) -> FileResult:
    """Separates `source` into files below `folder`; see `Separator.separate_file`.

    Args:
        start: opens the separation of a signal of a given rate and channels.
        source: the song.
        folder: where the stems go.
        output: format and names.
        start_s: where to begin, in seconds.
        duration_s: how much, in seconds.
        track: number of the audio track, from 1; the file's default one by default.
        progress: called with (seconds done, seconds in all or 0).
        audio: where the song's bytes come from, if not from the file `source`.
        pipe: where the one stem that is wanted goes, as wav, instead of into files.
    """
    with (
        open_audio(
            audio or source,
            stream=None if track is None else track - 1,
            name=str(source),
            start_s=start_s,
            duration_s=duration_s,
        ) as reader,
        contextlib.ExitStack() as files,
    ):
        if reader.n_samples == 0:
            raise AudioError(f"{source} holds no samples. Choose another file.")
        stream = start(reader.sample_rate, reader.n_channels)
        name = output.name or song_name(source)
        wanted = () if pipe else stream.recipe.wanted
        paths = {n: output.path(folder, name, n) for n in wanted}
        sheet_path = output.path(folder, name, SHEET_NAME, "png")
        every = [*paths.values(), *([sheet_path] * output.plot)]
        sheet = Sheet(("mixture", *paths), stream.sample_rate) if output.plot else None
        writers: dict[str, AudioWriter | WavPipe] = {}
        swap = (
            files.enter_context(_swap(folder, source, every, output)) if every else None
        )
        for n, path in paths.items():
            writer = _writer(path, stream, reader, output, swap)
            writers[n] = files.enter_context(writer)
        if pipe:
            writers[stream.recipe.wanted[0]] = WavPipe(
                pipe, stream.sample_rate, stream.n_channels, bit_depth=output.bit_depth
            )
        sheet_part = swap.part(sheet_path) if swap and sheet else None
        sink = _Sink(stream.recipe, writers, output.bits, sheet)
        _run(reader, stream, sink, progress)
        for each in writers.values():
            each.finish()
        if sheet is not None and sheet_part is not None:
            sheet.save(sheet_part, title=name)
        result = FileResult(source, every)
        result.duration_s = sink.n_samples / stream.sample_rate
        lost = [w for each in writers.values() for w in each.warnings]
        result.warnings = [*dict.fromkeys(lost), *reader.warnings, *sink.warnings()]
        result.complete = not reader.truncated
    return result


@contextlib.contextmanager
def _swap(
    folder: Path, source: Path, paths: list[Path], output: Output
) -> Iterator[Swap]:
    """Lets all files of a song appear at once.

    They are not forced to the disk: the song is still there, and can be separated
    again after a power cut.
    """
    with contextlib.ExitStack() as stack:
        try:
            _check_free(source, paths, output)
            swap = stack.enter_context(Swap(folder, durable=False))
        except NotADirectoryError:
            raise
        except OSError as error:
            raise write_error(paths[0], 0, error) from error
        yield swap


def _run(
    reader: AudioReader,
    stream: SeparationStream,
    sink: "_Sink",
    progress: Progress | None,
) -> None:
    done, rate = 0, reader.sample_rate
    for block in reader.blocks():
        sink.write(stream.push(block))
        done += len(block)
        if progress is not None:
            progress(done / rate, max(done, reader.n_samples or 0) / rate)
    if not done:
        raise AudioError(f"{reader.name} holds no samples. Choose another file.")
    sink.write(stream.flush())


class _Sink:
    """Completes the stems of each piece and hands them to the writers."""

    def __init__(
        self,
        recipe: Recipe,
        writers: dict[str, AudioWriter | WavPipe],
        bits: int | None,
        sheet: Sheet | None,
    ) -> None:
        self._recipe, self._writers = recipe, writers
        self._bits, self._sheet = bits, sheet
        self.n_samples = self._n_clipped = 0

    def write(self, piece: Piece) -> None:
        """Writes one piece of every stem."""
        self.n_samples += len(piece.mixture)
        if self._bits is None:
            stems: list[Any] = list(complete(self._recipe, *piece))
        else:
            stems = list(complete_quantized(self._recipe, *piece, self._bits))
            self._n_clipped += int(np.count_nonzero(np.abs(piece.mixture) > 1))
        if self._sheet is not None:
            self._sheet.add("mixture", piece.mixture)
        for name, stem in zip(self._recipe.names, stems, strict=True):
            if name in self._writers:
                self._writers[name].write(stem)
                if self._sheet is not None:
                    self._sheet.add(name, self._as_float(stem))

    def _as_float(self, stem: FloatArray) -> FloatArray:
        if self._bits is None:
            return stem
        return (stem / 2.0 ** (self._bits - 1)).astype(np.float32)

    def warnings(self) -> list[str]:
        """Tells of clipping."""
        if not self._n_clipped:
            return []
        return [
            f"{self._n_clipped} samples of the song lie beyond full scale and were "
            "clipped. A bit depth of `float` keeps them."
        ]


def _writer(
    path: Path,
    stream: SeparationStream,
    reader: AudioReader,
    output: Output,
    swap: Swap | None,
) -> AudioWriter:
    return AudioWriter(
        path,
        stream.sample_rate,
        stream.n_channels,
        format=output.format,
        bit_depth=output.bit_depth,
        tags={"software": STEM_MARK, **reader.tags},
        n_samples=reader.n_samples,
        swap=swap,
    )


def _check_free(source: Path, paths: list[Path], output: Output) -> None:
    """Refuses to replace files, unless told to, and always the song itself."""
    for path in paths:
        if path.is_dir():
            raise AudioError(f"{path} is a folder. Choose another folder or template.")
        if path.exists() and source.exists() and path.samefile(source):
            raise AudioError(
                f"{path} is the song itself. Choose another folder or template."
            )
        if path.exists() and not output.overwrite:
            raise AudioError(
                f"{path} is already there. Choose another folder, or replace it with "
                "--overwrite."
            )
