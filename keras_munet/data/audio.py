"""Audio files in: any format, whatever the file is called, block by block.

`soundfile` reads what libsndfile knows (wav, flac, ogg, opus, mp3, aiff and more);
PyAV, which brings FFmpeg's libraries along, reads the rest (m4a, aac, mp4 and the
streams of a `.stem.mp4`). Both go by a file's content, never by its name.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import soundfile

from keras_munet.data.audio_writer import AudioWriter
from keras_munet.data.resample import Resampler, downmix, resample
from keras_munet.dsp import FloatArray
from keras_munet.errors import AudioError

__all__ = [
    "AudioReader",
    "AudioWriter",
    "Resampler",
    "count_streams",
    "downmix",
    "open_audio",
    "read_audio",
    "resample",
]

TAGS = (
    "title",
    "artist",
    "album",
    "date",
    "tracknumber",
    "genre",
    "comment",
    "copyright",
)
"""Tags that are carried from file to file, as libsndfile calls them."""

BLOCK = 65536
"""Samples that are decoded at once."""

SHORTFALL_S = 0.25
"""A file that ends this much before its declared end counts as truncated."""

PIPED = 0x7FFF0000
"""Bytes of a wav from which its header is no statement about its length."""

PADDING = 4096
"""Samples that a codec may add behind the declared end to fill its last frame."""

AudioFile = str | os.PathLike[str] | IO[bytes]


class AudioReader:
    """An open audio file; a context manager. Made by `open_audio`.

    Attributes:
        name: what messages call the file.
        sample_rate: in Hz.
        n_channels: channels.
        n_samples: samples that `blocks` will give, as the file declares them (m4a and
            its like are some 1000 samples off); None where it does not.
        tags: title, artist, ... as far as the file has them.
        warnings: what went wrong so far without ending the reading.
        truncated: whether the file broke off early. Final after the last block.
    """

    def __init__(
        self,
        name: str,
        sample_rate: int,
        n_channels: int,
        n_declared: int | None,
        *,
        start_s: float,
        duration_s: float | None,
    ) -> None:
        self.name = name
        self.sample_rate = sample_rate
        self.n_channels = n_channels
        self.tags: dict[str, str] = {}
        self.warnings: list[str] = []
        self.truncated = False
        self._n_declared = n_declared
        self._start = round(start_s * sample_rate)
        self._n_wanted = None if duration_s is None else round(duration_s * sample_rate)
        self.n_samples = self._expected()

    def _expected(self) -> int | None:
        if self._n_declared is None:
            return None
        if self._start and self._start >= self._n_declared:
            raise AudioError(self._past_end(self._n_declared))
        left = self._n_declared - self._start
        return left if self._n_wanted is None else min(left, self._n_wanted)

    def _past_end(self, n_total: int) -> str:
        rate = self.sample_rate
        return (
            f"{self.name} ends at {n_total / rate:.2f} s, before the start that was "
            f"asked for ({self._start / rate:.2f} s). Choose an earlier start."
        )

    def blocks(self, n: int = BLOCK) -> Iterator[FloatArray]:
        """Yields float32 `(samples, channels)`, `n` samples each, the last fewer.

        A file that breaks off gives what is readable, and sets `truncated`.

        Raises:
            AudioError: on samples that are NaN or infinite, and where nothing is
                readable at all.
        """
        pending: list[FloatArray] = []
        n_pending = n_done = 0
        for block in self._wanted():
            self._check(block, n_done)
            n_done += len(block)
            pending.append(block)
            n_pending += len(block)
            while n_pending >= n:
                joined = np.concatenate(pending)
                yield joined[:n]
                pending, n_pending = [joined[n:]], n_pending - n
        if n_pending:
            yield np.concatenate(pending)

    def _wanted(self) -> Iterator[FloatArray]:
        """Cuts `start_s` and `duration_s` out of what is decoded."""
        position = self._seek(self._start)
        end = None if self._n_wanted is None else self._start + self._n_wanted
        for block in self._decode():
            first = max(0, self._start - position)
            last = len(block) if end is None else min(len(block), end - position)
            if last > first:
                yield block[first:last]
            position += len(block)
            if end is not None and position >= end:
                return
        self._check_end(position)

    def _check_end(self, position: int) -> None:
        rate = self.sample_rate
        if self._n_declared and position < self._n_declared - SHORTFALL_S * rate:
            self._break_off(position, "the rest is missing")
        if self._start and position <= self._start:
            raise AudioError(self._past_end(position))

    def _break_off(self, position: int, why: str) -> None:
        if self.truncated:
            return
        if position == 0:
            raise AudioError(f"{self.name} is damaged: no audio is readable ({why}).")
        self.truncated = True
        self.warnings.append(
            f"{self.name} breaks off after {position / self.sample_rate:.1f} s ({why})."
        )

    def _check(self, block: FloatArray, n_done: int) -> None:
        finite = np.isfinite(block)
        if not finite.all():
            first = int(np.argmin(finite.all(axis=1)))
            at = (self._start + n_done + first) / self.sample_rate
            raise AudioError(
                f"{self.name} holds NaN or infinite samples (first at {at:.3f} s). "
                "Write it again from its source."
            )

    def _seek(self, sample: int) -> int:
        """Moves to `sample` or before it; returns where the reader is."""
        return 0

    def _decode(self) -> Iterator[FloatArray]:
        """Yields what follows, in blocks of any size."""
        raise NotImplementedError

    def close(self) -> None:
        """Closes the file."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _SoundFileReader(AudioReader):
    """Reads through libsndfile."""

    def __init__(
        self, file: soundfile.SoundFile, source: AudioFile, name: str, **cut: Any
    ) -> None:
        self._file, self._source = file, source
        super().__init__(name, file.samplerate, file.channels, file.frames, **cut)
        found = {tag: text.strip() for tag, text in file.copy_metadata().items()}
        self.tags = {tag: found[tag] for tag in TAGS if found.get(tag)}

    def _seek(self, sample: int) -> int:
        if not sample:
            return 0
        with contextlib.suppress(soundfile.LibsndfileError):
            return int(self._file.seek(sample))
        return int(self._file.seek(0))

    def _decode(self) -> Iterator[FloatArray]:
        file = self._file
        if _shorter_than_header(file.extra_info):
            self._break_off(file.frames, "the rest is missing")
        while True:
            before = file.tell()
            buffer = np.zeros((BLOCK, self.n_channels), np.float32)
            try:
                block = file.read(out=buffer)
            except soundfile.LibsndfileError as error:
                yield from self._rest(before, str(error.error_string))
                return
            if not len(block):
                return
            yield block

    def _rest(self, position: int, why: str) -> Iterator[FloatArray]:
        """Lets FFmpeg, which is more patient, read on where libsndfile gave up."""
        with contextlib.suppress(AudioError), _open_av(self._source, self.name) as file:
            reader = _AVReader(file, 0, self.name, start_s=0.0, duration_s=None)
            n_skip = position
            for block in reader._decode():
                yield block[n_skip:]
                position += max(0, len(block) - n_skip)
                n_skip = max(0, n_skip - len(block))
        self._break_off(position, why)

    def close(self) -> None:
        self._file.close()


def _shorter_than_header(log: str) -> bool:
    """Finds a wav that ends early in libsndfile's log ("data : 80 (should be 40)").

    Programs that write wav into a pipe cannot know its length and state 2 or 4 GB.
    """
    found = re.search(r"^ *data : (\d+) \(should be \d+\)", log, re.MULTILINE)
    return found is not None and 0 < int(found[1]) < PIPED


class _AVReader(AudioReader):
    """Reads through FFmpeg's libraries."""

    def __init__(self, container: Any, stream: int, name: str, **cut: Any) -> None:
        self._container = container
        streams = container.streams.audio
        if stream >= len(streams):
            raise AudioError(
                f"{name} has {len(streams)} audio stream(s); "
                f"number {stream} was asked for."
            )
        self._stream = streams[stream]
        codec = self._stream.codec_context
        if codec is None or not codec.sample_rate or not codec.channels:
            raise AudioError(f"{name} has no audio that can be decoded.")
        length = self._stream.duration
        n_declared = (
            round(float(length * self._stream.time_base) * codec.sample_rate)
            if length
            else None
        )
        super().__init__(name, codec.sample_rate, codec.channels, n_declared, **cut)
        found = {**container.metadata, **self._stream.metadata}
        found = {key.lower(): value for key, value in found.items()}
        found.setdefault("tracknumber", found.get("track", ""))
        self.tags = {tag: found[tag] for tag in TAGS if found.get(tag)}

    def _decode(self) -> Iterator[FloatArray]:
        """Yields the frames, without the padding behind the declared end."""
        surplus: list[FloatArray] = []
        position = 0
        for block in self._frames():
            declared = self._n_declared or 0
            n_inside = len(block) if not declared else max(0, declared - position)
            position += len(block)
            if position - declared > PADDING:  # the declaration was wrong
                yield from [*surplus, block]
                surplus, self._n_declared = [], None
                continue
            yield block[:n_inside]
            if n_inside < len(block):
                surplus.append(block[n_inside:])

    def _frames(self) -> Iterator[FloatArray]:
        import av

        convert = av.AudioResampler(format="fltp")
        position = 0
        try:
            for frame in self._container.decode(self._stream):
                for part in convert.resample(frame):
                    block = part.to_ndarray().T  # (samples, channels)
                    position += len(block)
                    yield np.ascontiguousarray(block, np.float32)
        except (av.error.FFmpegError, ValueError) as error:
            self._break_off(position, str(getattr(error, "strerror", error)))

    def close(self) -> None:
        self._container.close()


def open_audio(
    path_or_file: AudioFile,
    *,
    stream: int = 0,
    start_s: float = 0.0,
    duration_s: float | None = None,
    name: str | None = None,
) -> AudioReader:
    """Opens an audio file, or the audio track of a film, for reading in blocks.

    Args:
        path_or_file: a path, or a seekable binary file.
        stream: number of the audio stream, for files with several.
        start_s: where to begin, in seconds.
        duration_s: how much to read, in seconds; to the end by default.
        name: what messages call it; the path by default.

    Raises:
        AudioError: when the file is missing, empty, no audio, or shorter than
            `start_s`; the message names it.
        ValueError: on a negative start, or a duration that is not positive.
    """
    if start_s < 0:
        raise ValueError(f"`start_s` must not be negative. Received: {start_s}")
    if duration_s is not None and not duration_s > 0:
        raise ValueError(f"`duration_s` must be positive. Received: {duration_s}")
    cut = {"start_s": start_s, "duration_s": duration_s}
    name = name or _name(path_or_file)
    _check_file(path_or_file, name)
    with contextlib.ExitStack() as opened:  # closes the file where we fail
        file = _open_soundfile(path_or_file) if stream == 0 else None
        if file is not None:
            opened.callback(file.close)
            reader: AudioReader = _SoundFileReader(file, path_or_file, name, **cut)
        else:
            container = opened.enter_context(_open_av(path_or_file, name))
            reader = _AVReader(container, stream, name, **cut)
        opened.pop_all()
        return reader


def _name(path_or_file: AudioFile) -> str:
    if isinstance(path_or_file, str | os.PathLike):
        return str(path_or_file)
    return str(getattr(path_or_file, "name", "the audio stream"))


def _check_file(path_or_file: AudioFile, name: str) -> None:
    if isinstance(path_or_file, str | os.PathLike):
        path = Path(path_or_file)
        if path.is_dir():
            raise AudioError(f"{name} is a folder, not an audio file.")
        try:
            size = path.stat().st_size
        except OSError as error:
            raise AudioError(f"{name} cannot be read: {error.strerror}.") from error
    else:
        size = path_or_file.seek(0, os.SEEK_END)
    if size == 0:
        raise AudioError(f"{name} is empty (0 bytes).")


def _open_soundfile(path_or_file: AudioFile) -> soundfile.SoundFile | None:
    """Opens with libsndfile; None where it does not know the format."""
    with contextlib.suppress(soundfile.LibsndfileError):
        if not isinstance(path_or_file, str | os.PathLike):
            path_or_file.seek(0)
            return soundfile.SoundFile(path_or_file)
        # By descriptor: libsndfile then cannot guess a format from the file's name.
        # It closes the descriptor in any case, also when it cannot read the file.
        descriptor = os.open(path_or_file, os.O_RDONLY)
        return soundfile.SoundFile(descriptor, closefd=True)
    return None


def _open_av(path_or_file: AudioFile, name: str) -> Any:
    import av

    if isinstance(path_or_file, str | os.PathLike):
        source: Any = str(path_or_file)
    else:
        path_or_file.seek(0)
        source = path_or_file
    try:
        container = av.open(source)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AudioError(
            f"{name} is no audio file that can be read, or it is damaged ({reason}). "
            "Known formats: wav, flac, ogg, opus, mp3, m4a, aiff, mp4."
        ) from error
    if not container.streams.audio:
        container.close()
        raise AudioError(f"{name} has no audio track.")
    return container


def read_audio(path: AudioFile, *, stream: int = 0) -> tuple[FloatArray, int]:
    """Returns a whole file: float32 `(samples, channels)` and its rate in Hz.

    Raises:
        AudioError: when it cannot be read from beginning to end.
    """
    with open_audio(path, stream=stream) as reader:
        blocks = list(reader.blocks())
        if reader.truncated:
            raise AudioError(f"{reader.warnings[-1]} Get a complete copy.")
        if not blocks:
            blocks = [np.zeros((0, reader.n_channels), np.float32)]
        return np.concatenate(blocks), reader.sample_rate


def count_streams(path: AudioFile) -> int:
    """Returns the number of audio streams (five in a MUSDB18 `.stem.mp4`)."""
    name = _name(path)
    _check_file(path, name)
    with _open_av(path, name) as container:
        return len(container.streams.audio)
