"""Audio through libsndfile: the rare formats that FFmpeg does not know."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import soundfile

from keras_munet.audio.reader import BLOCK, TAGS, AudioReader
from keras_munet.audio.window import Window
from keras_munet.dsp import FloatArray


class SoundFileReader(AudioReader):
    """Reads through libsndfile, from the beginning to the end without a jump."""

    def __init__(
        self, file: soundfile.SoundFile, source: Window, name: str, **cut: Any
    ) -> None:
        self._file, self._source = file, source
        super().__init__(name, file.samplerate, file.channels, file.frames, **cut)
        found = {tag: text.strip() for tag, text in file.copy_metadata().items()}
        self.tags = {tag: found[tag] for tag in TAGS if found.get(tag)}

    def _decode(self) -> Iterator[FloatArray]:
        try:
            while True:
                buffer = np.zeros((BLOCK, self.n_channels), np.float32)
                block = self._file.read(out=buffer)
                if not len(block):
                    return
                yield block
        except soundfile.LibsndfileError as error:
            self._break_off(str(error.error_string))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
        self._source.close()


def open_soundfile(file: Window) -> soundfile.SoundFile | None:
    """Opens with libsndfile; None where it does not know the format."""
    file.seek(0)
    with contextlib.suppress(soundfile.LibsndfileError):
        return soundfile.SoundFile(file)
    return None
