"""Audio through FFmpeg's libraries, which PyAV brings along: m4a, aac, films."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_munet.audio.reader import TAGS, AudioFile, AudioReader
from keras_munet.dsp import FloatArray
from keras_munet.errors import AudioError

PADDING = 4096
"""Samples that a codec may add behind the declared end to fill its last frame."""


class FFmpegReader(AudioReader):
    """Reads one audio stream of a container."""

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
        """Closes the file."""
        self._container.close()


def open_container(path_or_file: AudioFile, name: str) -> Any:
    """Opens with FFmpeg.

    Raises:
        AudioError: when it is no audio file, or holds none.
    """
    import av

    if isinstance(path_or_file, str | os.PathLike):
        source: Any = str(path_or_file)
    else:
        path_or_file.seek(0)
        source = path_or_file
    try:
        container = av.open(source, metadata_errors="replace")
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
