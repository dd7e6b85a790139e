"""What a file can prove about its own end: whether it breaks off.

A length that a file declares is a claim. It was made before the file was finished, by
a program that wrote into a pipe, or for another file that this one was joined with.
So reading goes on until the decoder ends, and only these facts say "broken off":

- wav, aiff, au, caf, w64, avi, wma, mp4, m4a, webm, mkv: a part that holds sound goes
  on behind the end of the file. Sizes that stand for "unknown" say nothing.
- ogg, opus: the last page does not end its stream.
- ape, wavpack, tta: the last frame ends before what the header counts.
- flac, mp3: the header (mp3: the Xing, Info or VBRI frame) counts more than there is,
  and the file ends in the middle of a frame.

Streams without any frame around them (aac, ac3, mp3 without such a frame, MPEG-TS, a
webm or flac that was written into a pipe) can prove nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from keras_munet.audio import mpeg, ogg, riff
from keras_munet.audio.window import Window

MOST_BYTES = 8
"""Of a sample of one channel."""


@dataclass(frozen=True)
class Decoded:
    """What came out of a file.

    Attributes:
        n_samples: samples, without what was lost.
        n_lost: samples that could not be decoded, about.
        n_end: where the last frame ends by its time stamp, in samples.
        n_declared: samples that the header counts, if it does.
        n_channels: channels.
        tail_failed: whether the very last packet could not be.
    """

    n_samples: int
    n_lost: int
    n_end: int
    n_declared: int | None
    n_channels: int
    tail_failed: bool


def breaks_off(formats: Iterable[str], file: Window, decoded: Decoded) -> bool:
    """Says whether the file proves that it goes on behind its end.

    Args:
        formats: FFmpeg's names of the container.
        file: the whole file.
        decoded: what was read from it.
    """
    return any(
        name in PROOFS and PROOFS[name](file, decoded) for name in sorted(formats)
    )


def _lacks_sound(file: Window, start: int, size: int, decoded: Decoded) -> bool:
    """Says whether PCM lacks more than a sample: sizes are odd, padded, off by one."""
    return riff.exceeds(file, start, size - MOST_BYTES * decoded.n_channels)


def _wav(file: Window, decoded: Decoded) -> bool:
    data = riff.find_data(file)
    return data is not None and _lacks_sound(file, *data, decoded)


def _aiff(file: Window, decoded: Decoded) -> bool:
    for name, place, size in riff.chunks(file, 12, big=True):
        if name == b"SSND":
            return _lacks_sound(file, place, size, decoded)
    return False


def _caf(file: Window, decoded: Decoded) -> bool:
    for name, place, size in riff.chunks(file, 8, big=True, wide=True):
        if name == b"data":
            return _lacks_sound(file, place, size, decoded)
    return False


def _au(file: Window, decoded: Decoded) -> bool:
    head = file.at(4, 8)
    start, size = int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")
    return _lacks_sound(file, start, size, decoded)


def _avi(file: Window, _: Decoded) -> bool:
    return any(
        name in (b"RIFF", b"LIST") and riff.exceeds(file, place, size)
        for name, place, size in riff.chunks(file, 12, big=False)
    )


def _guids(file: Window, start: int, align: int) -> Iterator[tuple[bytes, int, int]]:
    """Yields (first four bytes of the GUID, place, size) of what has GUIDs."""
    while len(head := file.at(start, 24)) == 24:
        size = int.from_bytes(head[16:], "little")
        if size < 24:
            return
        yield head[:4], start, size
        start += -(-size // align) * align


def _w64(file: Window, _: Decoded) -> bool:
    return any(
        name == b"data" and riff.exceeds(file, place, size)
        for name, place, size in _guids(file, 40, align=8)
    )


def _asf(file: Window, _: Decoded) -> bool:
    return any(
        name == b"\x36\x26\xb2\x75" and size > 50 and riff.exceeds(file, place, size)
        for name, place, size in _guids(file, 0, align=1)
    )


def _mp4(file: Window, _: Decoded) -> bool:
    start = 0
    while len(head := file.at(start, 16)) >= 8:
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(head[8:], "big")
        if head[4:8] in (b"mdat", b"moof", b"moov") and riff.exceeds(file, start, size):
            return True
        if size < 8:
            return False
        start += size
    return False


def _ebml_number(data: bytes, *, keep_length: bool) -> tuple[int | None, int]:
    """Returns a number of variable length (None for "unknown"), and its length."""
    if not data or not data[0]:
        return None, 9
    length = 9 - data[0].bit_length()
    value = int.from_bytes(data[:length], "big")
    if keep_length:
        return value, length
    value &= (1 << 7 * length) - 1
    return (None if value == (1 << 7 * length) - 1 else value), length


SEGMENT, CLUSTER = 0x18538067, 0x1F43B675


def _matroska(file: Window, _: Decoded) -> bool:
    start = 0
    while head := file.at(start, 12):
        name, n_name = _ebml_number(head, keep_length=True)
        size, n_size = _ebml_number(head[n_name:], keep_length=False)
        start += n_name + n_size
        if name is None or len(head) < n_name + n_size:
            return False
        if name in (SEGMENT, CLUSTER) and size is not None and start + size > file.size:
            return True
        if name == SEGMENT:
            continue
        if size is None:  # a live cluster: its end is not known either
            return False
        start += size
    return False


def _ogg(file: Window, _: Decoded) -> bool:
    return not ogg.is_ended(file)


def _total(file: Window, decoded: Decoded) -> bool:
    declared = decoded.n_declared
    if not declared or _is_piped(declared * decoded.n_channels):
        return False
    return decoded.n_end < declared


def _flac(file: Window, decoded: Decoded) -> bool:
    """A total may be that of the file that this one was cut from, so it needs more."""
    return decoded.tail_failed and _total(file, decoded)


def _is_piped(n_values: int) -> bool:
    """Says whether a count of samples stems from a wav that told no length."""
    return any(riff.is_unknown(n_values * width) for width in (1, 2, 3, 4))


def _mp3(file: Window, decoded: Decoded) -> bool:
    """What the first frame counts may be that of another file, so it needs more."""
    claim = mpeg.find_claim(file, riff.id3v2_size(file))
    if claim is None:
        return False
    few_bytes = claim.n_bytes and claim.start + claim.n_bytes > file.size
    n_found = decoded.n_samples + decoded.n_lost
    few_samples = claim.n_samples and n_found < claim.n_samples
    is_short = few_bytes and (few_samples or claim.n_samples is None)
    return bool(is_short or few_samples) and mpeg.ends_within_a_frame(file)


PROOFS: dict[str, Callable[[Window, Decoded], bool]] = {
    "wav": _wav,
    "w64": _w64,
    "aiff": _aiff,
    "au": _au,
    "caf": _caf,
    "avi": _avi,
    "asf": _asf,
    "mp4": _mp4,
    "matroska": _matroska,
    "ogg": _ogg,
    "flac": _flac,
    "ape": _total,
    "wv": _total,
    "tta": _total,
    "mp3": _mp3,
}
