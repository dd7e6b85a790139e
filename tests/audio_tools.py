"""Audio files of every kind, whole and damaged, for tests."""

from pathlib import Path

import numpy as np
import soundfile


def write_aac(path, audio, sample_rate, **options):
    """Writes `(samples, 1 or 2)` as AAC (m4a or mp4) through FFmpeg's libraries."""
    import av

    layout = "stereo" if audio.shape[1] == 2 else "mono"
    with av.open(str(path), "w", format="mp4", options=options) as container:
        container.metadata["title"] = "A title"
        stream = container.add_stream("aac", rate=sample_rate, layout=layout)
        planar = np.ascontiguousarray(audio.T, np.float32)
        frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = sample_rate, 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path


def write_film(path, audio, sample_rate):
    """Writes an mp4 with a small picture track and AAC stereo sound."""
    import av

    with av.open(str(path), "w", format="mp4") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        sound = container.add_stream("aac", rate=sample_rate, layout="stereo")
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
        for packet in [*video.encode(picture), *video.encode(None)]:
            container.mux(packet)
        planar = np.ascontiguousarray(audio.T, np.float32)
        frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = sample_rate, 0
        for packet in [*sound.encode(frame), *sound.encode(None)]:
            container.mux(packet)
    return path


KINDS = {
    "8 bit.wav": {"subtype": "PCM_U8"},
    "16 bit.wav": {"subtype": "PCM_16"},
    "24 bit.wav": {"subtype": "PCM_24"},
    "32 bit.wav": {"subtype": "PCM_32"},
    "float.wav": {"subtype": "FLOAT"},
    "a.flac": {"subtype": "PCM_24"},
    "a.ogg": {"subtype": "VORBIS"},
    "a.opus": {"format": "OGG", "subtype": "OPUS"},
    "a.mp3": {"subtype": "MPEG_LAYER_III"},
    "a.aiff": {"subtype": "PCM_16"},
    "a.m4a": None,
    "fast.m4a": {"movflags": "faststart"},
    "film.mp4": None,
}
"""File name -> how to write it."""


def write_kind(folder: Path, name: str, audio, sample_rate):
    """Writes one of `KINDS`."""
    path, options = folder / name, KINDS[name]
    if name == "film.mp4":
        return write_film(path, audio, sample_rate)
    if path.suffix == ".m4a":
        return write_aac(path, audio, sample_rate, **(options or {}))
    soundfile.write(path, audio, sample_rate, **options)
    return path


def cut_in_half(path, to):
    """Copies the first half of a file's bytes."""
    data = Path(path).read_bytes()
    Path(to).write_bytes(data[: len(data) // 2])
    return to
