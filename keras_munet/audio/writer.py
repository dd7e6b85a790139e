"""Audio files out: quantised by one rule, complete or not there at all."""

import contextlib
import shutil
from pathlib import Path
from typing import Any, Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from keras_munet.audio.channels import VORBIS
from keras_munet.dsp import FloatArray
from keras_munet.errors import AudioError
from keras_munet.files import replacing

FORMATS = ("wav", "flac", "mp3", "ogg")
SUBTYPES = {16: "PCM_16", 24: "PCM_24"}
LOSSY = {"mp3": "MPEG_LAYER_III", "ogg": "VORBIS"}
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
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
        tags: title, artist, ... (see `audio.TAGS`).
        n_samples: how long it will be, if known; decides when a wav needs RF64.

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
    ) -> None:
        self.path = Path(path)
        self.format = format or self.path.suffix.lower().lstrip(".")
        self.sample_rate, self.n_channels = sample_rate, n_channels
        self.bit_depth = None if self.format in LOSSY else bit_depth
        self.n_written = 0
        self._tags = tags or {}
        self._exit = contextlib.ExitStack()
        self._file: soundfile.SoundFile | None = None
        n_bytes = (n_samples or 0) * n_channels * (bit_depth or 32) // 8
        self._container = "RF64" if n_bytes > WAV_LIMIT else self.format.upper()
        _check_format(self.path, self.format, sample_rate, n_channels, self.bit_depth)

    @property
    def subtype(self) -> str:
        """Name of the encoding in libsndfile."""
        depth = "FLOAT" if self.bit_depth is None else SUBTYPES[self.bit_depth]
        return LOSSY.get(self.format, depth)

    def __enter__(self) -> Self:
        self._part = self._exit.enter_context(replacing(self.path))
        try:
            self._file = soundfile.SoundFile(
                self._part,
                "w",
                self.sample_rate,
                self.n_channels,
                subtype=self.subtype,
                format=self._container,
            )
        except soundfile.LibsndfileError as error:
            failure = self._failure(error)
            with contextlib.suppress(AudioError):
                self._exit.__exit__(type(failure), failure, None)
            raise failure from error
        for tag, text in self._tags.items():
            setattr(self._file, tag, text)
        return self

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
            except (soundfile.LibsndfileError, AssertionError, OSError) as error:
                raise self._failure(error) from error
        self.n_written += len(block)

    def _failure(self, error: Exception) -> AudioError:
        free = ""
        with contextlib.suppress(OSError):
            n_free = shutil.disk_usage(self.path.parent).free
            free = f" ({n_free / 1e6:.0f} MB are free there)"
        reason = getattr(error, "error_string", str(error)) or "the write was cut short"
        return AudioError(
            f"{self.path} cannot be written after {self.n_written} samples: {reason} "
            f"Check the disk's space{free} and the folder's permissions."
        )

    def finish(self) -> None:
        """Closes the file and opens it again to see that it is whole.

        Leaving the `with` block does it, too; with several files, finish all of
        them first, so that they appear together or not at all.

        Raises:
            AudioError: when the file came out too short.
        """
        if self._file is not None:
            self._file.close()
            self._file = None
            self._verify()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            if kind is None:
                self.finish()
        except BaseException as failure:
            self._exit.__exit__(type(failure), failure, None)
            raise
        if self._file is not None:
            self._file.close()
        self._exit.__exit__(kind, error, trace)

    def _verify(self) -> None:
        """Opens the file again: an encoder's last bytes may meet a full disk."""
        try:
            n_there = soundfile.info(str(self._part)).frames
        except soundfile.LibsndfileError as error:
            if self.n_written:
                raise self._failure(error) from error
            return
        if n_there < self.n_written:
            raise self._failure(AudioError("the file came out too short."))


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
    if format == "flac" and bit_depth is None:
        raise AudioError(f"{path}: flac holds no float samples. Choose 24 bit, or wav.")
    if format in ("flac", "ogg") and n_channels > 8:
        raise AudioError(f"{path}: {format} holds at most 8 channels. Choose wav.")
