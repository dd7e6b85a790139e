"""Files as they are found in the wild, and a decoder to judge the package's by."""

import io
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile

LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 8: "7.1"}


class Pipe(io.BytesIO):
    """A file that cannot be rewound: what goes into it knows no length."""

    def seekable(self):
        return False


def encode(audio, rate, container, codec, *, pipe=False, options=None, bit_rate=None):
    """Returns the bytes of `(samples, channels)` as a file, through FFmpeg's encoders.

    Several signals in a list become several audio tracks, the second one marked as
    the default one. Vorbis comes from libsndfile.
    """
    if codec == "libvorbis":
        return _vorbis(audio, rate)
    file = Pipe()
    if pipe:
        _encode(file, audio, rate, container, codec, options, bit_rate)
        return file.getvalue()
    with tempfile.NamedTemporaryFile() as place:
        _encode(place.name, audio, rate, container, codec, options, bit_rate)
        return Path(place.name).read_bytes()


def _encode(file, audio, rate, container, codec, options, bit_rate):
    import av

    tracks = audio if isinstance(audio, list) else [audio]
    with av.open(file, "w", format=container, options=options or {}) as output:
        streams = []
        for signal in tracks:
            layout = LAYOUTS[signal.shape[1]]
            stream = output.add_stream(codec, rate=rate, layout=layout)
            if bit_rate:
                stream.bit_rate = bit_rate
            if codec == "libopus" and signal.shape[1] > 2:
                stream.options = {"mapping_family": "1"}
            streams.append(stream)
        if len(streams) > 1:
            streams[0].disposition, streams[1].disposition = 0, 1
        for stream, signal in zip(streams, tracks, strict=True):
            layout = LAYOUTS[signal.shape[1]]
            packed = np.ascontiguousarray(signal, np.float32).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
            frame.sample_rate, frame.pts = rate, 0
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                output.mux(packet)


def _vorbis(audio, rate):
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", rate, audio.shape[1], format="OGG", subtype="VORBIS"
    ) as output:
        for start in range(0, len(audio), 32768):  # it overflows its stack on more
            output.write(audio[start : start + 32768])
    return file.getvalue()


def wav(audio, rate, *, size=None):
    """Returns a 16-bit wav whose header states `size` bytes instead of the truth."""
    data = np.rint(audio * 32767).astype("<i2").tobytes()
    n_channels = audio.shape[1]
    size = len(data) if size is None else size
    form = (1, n_channels, rate, rate * 2 * n_channels, 2 * n_channels, 16)
    riff = min(0xFFFFFFFF, size + 36)
    head = b"RIFF" + struct.pack("<I", riff) + b"WAVEfmt " + struct.pack("<I", 16)
    return (
        head + struct.pack("<HHIIHH", *form) + b"data" + struct.pack("<I", size) + data
    )


def judge(path):
    """Decodes as the ffmpeg program does, or as plainly as PyAV can without it.

    Returns:
        `(samples, channels)` and the rate; None where ffmpeg refuses the file.
    """
    if shutil.which("ffmpeg"):
        command = ["ffmpeg", "-v", "quiet", "-i", str(path), "-map_metadata", "-1"]
        command += ["-bitexact", "-f", "wav", "-c:a", "pcm_f32le", "-"]
        data = subprocess.run(command, capture_output=True, check=False).stdout
        if not data:
            return None
        form = data.index(b"fmt ")
        _, n_channels, rate = struct.unpack("<HHI", data[form + 8 : form + 16])
        samples = data[data.index(b"data", form) + 8 :]
        return np.frombuffer(samples, "<f4").reshape(-1, n_channels), rate
    return _plain(path)


def _plain(path):
    import av

    blocks, rate = [], 0
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        convert = av.AudioResampler(format="fltp")
        for packet in container.demux(stream):
            try:
                frames = stream.codec_context.decode(packet)
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                rate = frame.sample_rate
                blocks += [part.to_ndarray().T for part in convert.resample(frame)]
    return np.concatenate(blocks), rate


def lag(audio, reference, most=4096):
    """Returns by how many samples `audio` comes later than `reference`."""
    n = min(len(audio), len(reference))
    a, b = audio[:n].mean(axis=1), reference[:n].mean(axis=1)
    size = 2 * n
    spectrum = np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size))
    correlation = np.fft.irfft(spectrum, size)
    around = np.concatenate([correlation[-most:], correlation[: most + 1]])
    return int(np.argmax(around)) - most


def hole(data, at, n, seed=0):
    """Returns the bytes with `n` random ones at the share `at` of the whole."""
    place = round(len(data) * at)
    noise = np.random.default_rng(seed).bytes(n)
    return data[:place] + noise + data[place + n :]
