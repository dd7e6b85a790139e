"""Opening with FFmpeg's libraries, which PyAV brings along: tracks, channels, tags."""

import re
from typing import Any

from keras_munet.audio.channels import to_wav
from keras_munet.audio.reader import TAGS
from keras_munet.audio.riff import is_endless
from keras_munet.audio.window import Window
from keras_munet.errors import AudioError

BUFFER = 131072
"""Bytes that are read at once."""

DEFAULT = 1
"""FFmpeg's flag of a track that is played unless another one is chosen."""


def open_container(file: Window, name: str) -> Any:
    """Opens a file by its contents alone; a playlist opens no other file.

    Raises:
        AudioError: when it is no audio file, or holds none.
    """
    import av

    # Bytes of a tag that are no UTF-8 stay what they are; PyAV 19 does so by itself.
    before_19 = int(av.__version__.split(".")[0]) < 19
    tags: Any = {"metadata_errors": "surrogateescape"} if before_19 else {}
    options = {"protocol_whitelist": "none"}
    if is_endless(file):
        options["ignore_length"] = "1"
    file.seek(0)
    try:
        container = av.open(file, options=options, buffer_size=BUFFER, **tags)
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


def choose_track(container: Any, number: int | None, name: str) -> Any:
    """Returns an audio stream: the one that is asked for, or the default.

    By default it is what the ffmpeg program takes: a track that is marked as the
    default one before others, then the one with most channels, then the first one.

    Args:
        container: an open file.
        number: of the audio stream, from 0; None for the default.
        name: what messages call the file.

    Raises:
        AudioError: when there is no such stream.
    """
    streams = container.streams.audio
    if number is None:
        return max(streams, key=lambda stream: (_is_default(stream), _channels(stream)))
    if number >= len(streams):
        raise AudioError(
            f"{name} has {len(streams)} audio stream(s), counted from 1; number "
            f"{number + 1} was asked for."
        )
    return streams[number]


def _is_default(stream: Any) -> bool:
    return bool(int(getattr(stream, "disposition", 0)) & DEFAULT)


def _channels(stream: Any) -> int:
    channels: int = stream.codec_context.channels if stream.codec_context else 0
    return channels


def describe_tracks(container: Any, chosen: Any, name: str) -> str:
    """Says which of several tracks is read, and what else there is."""
    streams = container.streams.audio
    listed = ", ".join(
        " ".join(
            [
                f"{number}:",
                stream.metadata.get("language", ""),
                stream.metadata.get("title", ""),
                f"{_channels(stream)} channels",
            ]
        ).replace("  ", " ")
        for number, stream in enumerate(streams, 1)
    )
    return (
        f"{name} has {len(streams)} audio tracks ({listed}). Track "
        f"{list(streams).index(chosen) + 1} was taken; --track N takes another one."
    )


def take_orders(container: Any) -> dict[int, tuple[int, ...] | None]:
    """Returns the order in which a decoder's channels are those of a wav.

    An order that a file has of its own is taken away from the decoder: PyAV 18 frees it
    whenever somebody asks for a layout or the number of channels, and crashes then.
    So this comes first.

    Returns:
        index of an audio stream -> which channel comes where; None where they are in
        the order of a wav already.
    """
    return {
        stream.index: _take_order(stream.codec_context)
        for stream in container.streams.audio
        if stream.codec_context is not None
    }


def _take_order(context: Any) -> tuple[int, ...] | None:
    layout = context.layout
    names = [channel.name for channel in layout.channels]
    if not re.search(r"channels \(", layout.name):
        return None
    order = to_wav(names)
    plain = names if order is None else [names[i] for i in order]
    try:
        context.layout = "+".join(plain)
    except ValueError:
        context.layout = f"{len(names)} channels"
    return order


def read_tags(container: Any, stream: Any) -> dict[str, str]:
    """Returns the tags of a file, under the names that libsndfile has for them."""
    found = {**container.metadata, **stream.metadata}
    found = {key.lower(): _text(value) for key, value in found.items()}
    found.setdefault("tracknumber", found.get("track", ""))
    return {tag: found[tag] for tag in TAGS if found.get(tag)}


def _text(value: str) -> str:
    """Reads what is no UTF-8 as the Latin letters of old programs."""
    octets = value.encode("utf-8", "surrogateescape")
    try:
        return octets.decode("utf-8").strip()
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace").strip()
