"""Audio files in: any format, whatever the file is called, block by block.

FFmpeg's libraries read everything they know, so that what comes out is what the ffmpeg
program gives; libsndfile reads the few formats that only it knows. Both go by a file's
content, never by its name.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from keras_munet.audio.container import open_container
from keras_munet.audio.ffmpeg import FFmpegReader
from keras_munet.audio.reader import TAGS, AudioFile, AudioReader
from keras_munet.audio.resample import Resampler, downmix, resample
from keras_munet.audio.riff import lead_size
from keras_munet.audio.sndfile import SoundFileReader, open_soundfile
from keras_munet.audio.window import Window
from keras_munet.audio.writer import AudioWriter
from keras_munet.dsp import FloatArray
from keras_munet.errors import AudioError

__all__ = [
    "TAGS",
    "AudioReader",
    "AudioWriter",
    "Resampler",
    "count_streams",
    "downmix",
    "open_audio",
    "read_audio",
    "resample",
]


def open_audio(
    path_or_file: AudioFile,
    *,
    stream: int | None = None,
    start_s: float = 0.0,
    duration_s: float | None = None,
    name: str | None = None,
) -> AudioReader:
    """Opens an audio file, or the audio track of a film, for reading in blocks.

    Args:
        path_or_file: a path, or a seekable binary file.
        stream: number of the audio stream, from 0, for files with several; by default
            the one that the ffmpeg program takes.
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
    with contextlib.ExitStack() as opened:  # closes the file where we fail
        file = _open(path_or_file, name)
        opened.callback(file.close)
        reader = _reader(file, stream, name, Path(name).suffix, **cut)
        opened.callback(reader.close)
        reader.begin()
        opened.pop_all()
        return reader


def _reader(
    file: Window, stream: int | None, name: str, suffix: str, **cut: float | None
) -> AudioReader:
    """Opens by the contents; then without the tags before them; then by the suffix."""
    failures: list[AudioError] = []
    for window in _views(file, suffix):
        try:
            return FFmpegReader(window, stream, name, **cut)
        except AudioError as error:
            failures.append(error)
    rare = None if stream else open_soundfile(file)
    if rare is None or not rare.frames:
        raise failures[0]
    return SoundFileReader(rare, file, name, **cut)


def _views(file: Window, suffix: str) -> Iterator[Window]:
    yield file
    if start := lead_size(file):
        yield file.part(start)
    if suffix:
        named = file.part(0)
        named.name = f"song{suffix}"
        yield named


def _name(path_or_file: AudioFile) -> str:
    if isinstance(path_or_file, str | os.PathLike):
        return str(path_or_file)
    return str(getattr(path_or_file, "name", "the audio stream"))


def _open(path_or_file: AudioFile, name: str) -> Window:
    if isinstance(path_or_file, str | os.PathLike):
        path = Path(path_or_file)
        if path.is_dir():
            raise AudioError(f"{name} is a folder, not an audio file.")
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise AudioError(
                    f"{name} is no regular file. Send what comes through a pipe to the "
                    "file name - instead."
                )
            file = Window.open(path)
        except OSError as error:
            raise AudioError(f"{name} cannot be read: {error.strerror}.") from error
    else:
        file = Window(path_or_file)
    if file.size == 0:
        file.close()
        raise AudioError(f"{name} is empty (0 bytes).")
    return file


def read_audio(path: AudioFile, *, stream: int | None = None) -> tuple[FloatArray, int]:
    """Returns a whole file: float32 `(samples, channels)` and its rate in Hz.

    Raises:
        AudioError: when it cannot be read from beginning to end.
    """
    with open_audio(path, stream=stream) as reader:
        blocks = list(reader.blocks())
        if not reader.whole:
            raise AudioError(f"{reader.warnings[-1]} Get a complete copy.")
        if not blocks:
            blocks = [np.zeros((0, reader.n_channels), np.float32)]
        return np.concatenate(blocks), reader.sample_rate


def count_streams(path: AudioFile) -> int:
    """Returns the number of audio streams (five in a MUSDB18 `.stem.mp4`)."""
    name = _name(path)
    with (
        _open(path, name) as file,
        open_container(file, name) as container,
    ):
        return len(container.streams.audio)
