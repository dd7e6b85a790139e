"""Audio files out: quantised by one rule, complete or not there at all."""

import contextlib
import errno
import io
import os
import shutil
from pathlib import Path
from typing import Any, Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from keras_munet.audio.channels import VORBIS
from keras_munet.audio.sink import Sink
from keras_munet.audio.tags import fitted, id3
from keras_munet.dsp import FloatArray
from keras_munet.errors import AudioError
from keras_munet.files import Swap, replacing

FORMATS = ("wav", "flac", "mp3", "ogg")
SUBTYPES = {16: "PCM_16", 24: "PCM_24"}
LOSSY = {"mp3": "MPEG_LAYER_III", "ogg": "VORBIS"}
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
OGG_RATE = 200_000
"""Hz: libvorbis knows no more, and libsndfile crashes."""
PIECE = 32768
"""Samples per call of the encoder: libvorbis overflows its stack on huge blocks."""
WAV_LIMIT = 4_000_000_000
"""Bytes of audio from which a wav becomes an RF64, its 64-bit sister."""


def quantize(audio: FloatArray, bits: int) -> NDArray[np.int32]:
    """Returns integers of `bits` bits: `round(x * 2**(bits - 1))`, clipped.

    It undoes exactly what reading an integer file does.
    """
    scale = 2.0 ** (bits - 1)
    scaled = np.rint(audio * np.float64(scale) if bits > 16 else audio * scale)
    return np.clip(scaled, -scale, scale - 1).astype(np.int32)


class AudioWriter:
    """Writes one audio file; a context manager.

    The file has a temporary name until the block ends without an error and what was
    written could be opened again.

    Args:
        path: final name; the format is its suffix unless `format` is given.
        sample_rate: in Hz.
        n_channels: channels.
        format: `wav`, `flac`, `mp3` or `ogg`.
        bit_depth: 16 or 24; None for 32-bit float. mp3 and ogg have none.
        tags: title, artist, ... (see `audio.tags.FRAMES`).
        n_samples: how long it will be, if known; decides when a wav needs RF64.
        swap: of the files together with which this one appears; by itself by default.

    Attributes:
        warnings: what is known, before anything is written, that the file cannot hold.

    Raises:
        AudioError: when the format cannot hold this rate or these channels.
    """

    def __init__(
        self,
        path: str | Path,
        sample_rate: int,
        n_channels: int,
        *,
        format: str | None = None,
        bit_depth: int | None = 16,
        tags: dict[str, str] | None = None,
        n_samples: int | None = None,
        swap: Swap | None = None,
    ) -> None:
        self.path = Path(path)
        self.format = format or self.path.suffix.lower().lstrip(".")
        self.sample_rate, self.n_channels = sample_rate, n_channels
        self.bit_depth = None if self.format in LOSSY else bit_depth
        self.n_written = 0
        self._swap = swap
        self._exit = contextlib.ExitStack()
        self._file: soundfile.SoundFile | None = None
        n_bytes = (n_samples or 0) * n_channels * (bit_depth or 32) // 8
        self._container = "RF64" if n_bytes > WAV_LIMIT else self.format.upper()
        _check_format(self.path, self.format, sample_rate, n_channels, self.bit_depth)
        self._tags, self.warnings = fitted(tags or {}, self.format)

    @property
    def subtype(self) -> str:
        """Name of the encoding in libsndfile."""
        depth = "FLOAT" if self.bit_depth is None else SUBTYPES[self.bit_depth]
        return LOSSY.get(self.format, depth)

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            try:
                self._open(stack)
            except NotADirectoryError:
                raise  # a wrong place, and no fault of a disk
            except OSError as error:
                raise write_error(self.path, 0, error) from error
            self._exit = stack.pop_all()
        return self

    def _open(self, stack: contextlib.ExitStack) -> None:
        if self._swap is None:
            place = replacing(self.path, durable=False)
            self._part = stack.enter_context(place)
        else:
            self._part = self._swap.part(self.path)
        head = id3(self._tags) if self.format == "mp3" else b""
        self._sink = Sink(self._part, head)
        stack.callback(self._sink.close)
        try:
            # Some encoders refuse with the first samples only: let them do it here.
            with self._encoder(io.BytesIO()) as trial:
                trial.write(np.zeros((1, self.n_channels), np.int32))
            self._file = self._encoder(self._sink)
            stack.callback(self._close)
            for tag, text in self._tags.items() if not head else ():
                setattr(self._file, tag, text)
        except soundfile.LibsndfileError as error:
            raise self._failure(error) from error

    def _encoder(self, file: Any) -> soundfile.SoundFile:
        return soundfile.SoundFile(
            file,
            "w",
            self.sample_rate,
            self.n_channels,
            subtype=self.subtype,
            format=self._container,
        )

    def write(self, block: FloatArray | NDArray[np.int32]) -> None:
        """Appends `(samples, channels)`: float, or integers as `quantize` gives.

        Channels come in the order of a wav.

        Raises:
            AudioError: when the system refuses, for instance on a full disk.
        """
        if self._file is None:
            raise ValueError("`write` needs an open writer: use it in a `with` block.")
        data: Any = block
        if self.bit_depth is not None:
            if data.dtype.kind == "f":
                data = quantize(data, self.bit_depth)
            data = data.astype(np.int32) << (32 - self.bit_depth)
        if self.format == "ogg" and self.n_channels in VORBIS:
            data = data[:, VORBIS[self.n_channels]]
        for start in range(0, len(data), PIECE):
            try:
                self._file.write(data[start : start + PIECE])
            except (soundfile.LibsndfileError, AssertionError) as error:
                raise self._failure(error) from error
            if self._sink.error:
                raise self._failure(self._sink.error)
        self.n_written += len(block)

    def _failure(self, error: Exception) -> AudioError:
        """Names what the system refused; where it did not, what the encoder said."""
        if self._sink.error:
            return write_error(self.path, self.n_written, self._sink.error)
        reason = getattr(error, "error_string", str(error)) or "no reason given"
        return AudioError(
            f"{self.path} cannot be written after {self.n_written} samples: "
            f"{self.n_channels} channels at {self.sample_rate} Hz as {self.format} "
            f"failed ({reason.strip(' .')}). Choose another format."
        )

    def finish(self) -> None:
        """Closes the file and opens it again to see that it is whole.

        Leaving the `with` block does it, too; with several files, finish all of
        them first, so that they appear together or not at all.

        Raises:
            AudioError: when the file came out too short.
        """
        if self._file is None:
            return
        try:
            self._close()
        except soundfile.LibsndfileError as error:
            raise self._failure(error) from error
        self._sink.close()
        if self._sink.error:
            raise self._failure(self._sink.error)
        self._verify()

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            with self._exit:
                self.finish()
        else:
            self._exit.__exit__(kind, error, trace)

    def _verify(self) -> None:
        """Opens the file again: an encoder may have lost its last bytes."""
        try:
            # By descriptor: libsndfile cannot be given every name.
            descriptor = os.open(self._part, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            with soundfile.SoundFile(descriptor, closefd=True) as file:
                n_there = file.frames
        except soundfile.LibsndfileError as error:
            if self.n_written:
                raise self._failure(error) from error
            return
        if n_there < self.n_written:
            raise self._failure(AudioError(f"{self.n_written - n_there} are missing"))


def write_error(path: Path, n_written: int, error: OSError) -> AudioError:
    """Returns the error that says what the system refused, and what may help."""
    advice = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        free = ""
        with contextlib.suppress(OSError):
            n_free = shutil.disk_usage(path.parent).free
            free = f" ({n_free / 1e6:.0f} MB are free there)"
        advice = f" Check the disk's space{free} and your quota."
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT):
        advice = " Check the folder's permissions, or choose another one."
    elif error.errno == errno.ENAMETOOLONG:
        advice = " Choose shorter names with --template."
    return AudioError(
        f"{path} cannot be written after {n_written} samples: "
        f"{error.strerror or error}.{advice}"
    )


def _check_format(
    path: Path, format: str, sample_rate: int, n_channels: int, bit_depth: int | None
) -> None:
    """Refuses what an encoder cannot hold, before anything is computed."""
    if format not in FORMATS:
        raise AudioError(
            f"{path}: files can be written as {', '.join(FORMATS)}. "
            f"Received: {format or 'a name without a suffix'}"
        )
    if format == "mp3" and (sample_rate not in MP3_RATES or n_channels > 2):
        raise AudioError(
            f"{path}: mp3 holds 1 or 2 channels at {MP3_RATES[0]} to {MP3_RATES[-1]} "
            f"Hz. Received: {n_channels} channels at {sample_rate} Hz. Choose wav "
            "or flac."
        )
    if format == "ogg" and sample_rate > OGG_RATE:
        raise AudioError(
            f"{path}: ogg holds rates up to {OGG_RATE} Hz. Received: {sample_rate} Hz. "
            "Choose wav or flac."
        )
    if format == "flac" and bit_depth is None:
        raise AudioError(f"{path}: flac holds no float samples. Choose 24 bit, or wav.")
    if format in ("flac", "ogg") and n_channels > 8:
        raise AudioError(f"{path}: {format} holds at most 8 channels. Choose wav.")
