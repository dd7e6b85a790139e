"""Audio through libsndfile: wav, flac, ogg, opus, mp3, aiff and more."""

import contextlib
import os
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import soundfile

from keras_munet.audio.ffmpeg import FFmpegReader, open_container
from keras_munet.audio.reader import BLOCK, TAGS, AudioFile, AudioReader
from keras_munet.dsp import FloatArray
from keras_munet.errors import AudioError

PIPED = 0x7FFF0000
"""Bytes of a wav from which its header is no statement about its length."""


class SoundFileReader(AudioReader):
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
        with (
            contextlib.suppress(AudioError),
            open_container(self._source, self.name) as file,
        ):
            reader = FFmpegReader(file, 0, self.name, start_s=0.0, duration_s=None)
            n_skip = position
            for block in reader._decode():
                yield block[n_skip:]
                position += max(0, len(block) - n_skip)
                n_skip = max(0, n_skip - len(block))
        self._break_off(position, why)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _shorter_than_header(log: str) -> bool:
    """Finds a wav that ends early in libsndfile's log ("data : 80 (should be 40)").

    Programs that write wav into a pipe cannot know its length and state 2 or 4 GB.
    """
    found = re.search(r"^ *data : (\d+) \(should be \d+\)", log, re.MULTILINE)
    return found is not None and 0 < int(found[1]) < PIPED


def open_soundfile(path_or_file: AudioFile) -> soundfile.SoundFile | None:
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
