"""Wav into a pipe: a header that comes before the length is known."""

import struct
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from keras_munet.audio.tags import STEM_MARK
from keras_munet.audio.writer import quantize
from keras_munet.dsp import FloatArray

UNKNOWN = 0xFFFFFFFF
PCM, FLOAT = 1, 3


class WavPipe:
    """Writes wav to a stream that cannot be rewound, as `ffmpeg -f wav -` does.

    It is marked as a stem.

    Args:
        stream: binary, for instance `sys.stdout.buffer`.
        sample_rate: in Hz.
        n_channels: channels.
        bit_depth: 16 or 24; None for 32-bit float.

    Attributes:
        warnings: what it cannot hold: nothing.
    """

    warnings: tuple[str, ...] = ()

    def __init__(
        self,
        stream: IO[bytes],
        sample_rate: int,
        n_channels: int,
        *,
        bit_depth: int | None = 16,
    ) -> None:
        self._stream, self._bit_depth = stream, bit_depth
        width = (bit_depth or 32) // 8
        frame = n_channels * width
        kind = FLOAT if bit_depth is None else PCM
        form = struct.pack(
            "<HHIIHH",
            kind,
            n_channels,
            sample_rate,
            sample_rate * frame,
            frame,
            8 * width,
        )
        stream.write(b"RIFF" + struct.pack("<I", UNKNOWN) + b"WAVE")
        stream.write(b"fmt " + struct.pack("<I", len(form)) + form)
        mark = STEM_MARK.encode()
        info = b"INFOISFT" + struct.pack("<I", len(mark)) + mark
        stream.write(b"LIST" + struct.pack("<I", len(info)) + info)
        stream.write(b"data" + struct.pack("<I", UNKNOWN))

    def write(self, block: FloatArray | NDArray[np.int32]) -> None:
        """Appends `(samples, channels)`: float, or integers as `quantize` gives."""
        if self._bit_depth is None:
            self._stream.write(np.ascontiguousarray(block, "<f4").tobytes())
            return
        data: Any = block
        integers = data if data.dtype.kind == "i" else quantize(data, self._bit_depth)
        octets = np.ascontiguousarray(integers, "<i4").view(np.uint8)
        octets = octets.reshape(-1, 4)[:, : self._bit_depth // 8]
        self._stream.write(octets.tobytes())

    def finish(self) -> None:
        """Sends what is left."""
        self._stream.flush()
