"""Lossy coding: a sound as it comes back from mp3, aac or ogg, aligned in time."""

import io
from typing import Any, NamedTuple

import av
import numpy as np
import soundfile

from keras_munet.dsp import FloatArray
from keras_munet.studio.score import RATE

_PIECE = 32768  # libvorbis overflows its stack on huge blocks


class Codec(NamedTuple):
    """A codec of PyAV: encoder, container, samples by which decoding is late."""

    encoder: str
    container: str
    delay: int


CODECS = {
    "mp3": Codec("libmp3lame", "mp3", 0),  # the LAME header tells its delay
    "aac": Codec("aac", "adts", 1024),
}
BIT_RATES = (96, 112, 128, 160, 192, 256)
"""kbit/s."""


def _fitted(sound: FloatArray, start: int, n: int) -> FloatArray:
    """Cuts `n` samples from `start`, with silence where the decoder stopped."""
    cut = sound[start : start + n]
    missing = n - len(cut)
    return np.pad(cut, ((0, missing), (0, 0))) if missing else cut


def _through_av(sound: FloatArray, codec: Codec, kbit_s: int) -> FloatArray:
    file = io.BytesIO()
    with av.open(file, "w", format=codec.container) as container:
        stream: Any = container.add_stream(codec.encoder, rate=RATE)
        stream.bit_rate, stream.layout = 1000 * kbit_s, "stereo"
        stream.codec_context.thread_count = 1
        if codec.encoder == "libmp3lame":
            stream.options = {"compression_level": "7"}
        else:
            stream.options = {"aac_coder": "fast"}
        for start in range(0, len(sound), RATE * 10):
            piece = np.ascontiguousarray(sound[start : start + RATE * 10].T)
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as source:
        frames = [frame.to_ndarray() for frame in source.decode(audio=0)]
    decoded = np.concatenate(frames, axis=1).T.astype(np.float32)
    return _fitted(decoded, codec.delay, len(sound))


def _through_vorbis(sound: FloatArray, kbit_s: int) -> FloatArray:
    file = io.BytesIO()
    quality = float(np.interp(kbit_s, (64, 128, 256), (1.0, 0.6, 0.2)))
    with soundfile.SoundFile(
        file,
        "w",
        RATE,
        2,
        format="OGG",
        subtype="VORBIS",
        compression_level=quality,
    ) as ogg:
        for start in range(0, len(sound), _PIECE):
            ogg.write(np.ascontiguousarray(sound[start : start + _PIECE]))
    file.seek(0)
    decoded = soundfile.read(file, dtype="float32")[0]
    return _fitted(decoded, 0, len(sound))


def coded(sound: FloatArray, codec: str, kbit_s: int) -> FloatArray:
    """Returns a sound after coding, at the same place in time.

    Args:
        sound: `(samples, 2)`; silence comes back as it is.
        codec: `mp3`, `aac` or `ogg`.
        kbit_s: one of `BIT_RATES`.
    """
    if not sound.any():
        return sound
    if codec == "ogg":
        return _through_vorbis(sound, kbit_s)
    return _through_av(sound, CODECS[codec], kbit_s)
