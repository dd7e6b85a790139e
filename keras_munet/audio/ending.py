"""What a file can prove about its own end: whether it breaks off.

A length that a file declares is a claim. It was made before the file was finished, by
a program that wrote into a pipe, or for another file that this one was joined with.
So reading goes on until the decoder ends, and only these facts say "broken off":

- wav, aiff, au, caf, w64, avi, wma, mp4, m4a, webm, mkv: a part that holds sound goes
  on behind the end of the file. Sizes that stand for "unknown" say nothing.
- ogg, opus: the last page does not end its stream.
- flac, ape, wavpack, tta: the last frame ends before what the header counts.
- mp3: its Xing, Info or VBRI frame counts more bytes, and more frames, than there are.

Streams without any frame around them (aac, ac3, mp3 without such a frame, MPEG-TS, a
webm or flac that was written into a pipe) can prove nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from keras_munet.audio import ogg, riff
from keras_munet.audio.mpeg import find_claim
from keras_munet.audio.window import Window


@dataclass(frozen=True)
class Decoded:
    """What came out of a file.

    Attributes:
        n_samples: samples, without what was lost.
        n_lost: samples that could not be decoded, about.
        n_end: where the last frame ends by its time stamp, in samples.
        n_declared: samples that the header counts, if it does.
        n_channels: channels.
        is_damaged: whether something in the middle could not be decoded.
        tail_failed: whether the very last packet could not be.
    """

    n_samples: int
    n_lost: int
    n_end: int
    n_declared: int | None
    n_channels: int
    is_damaged: bool
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


def _wav(file: Window, _: Decoded) -> bool:
    data = riff.find_data(file)
    return data is not None and riff.exceeds(file, *data)


def _aiff(file: Window, _: Decoded) -> bool:
    for name, place, size in riff.chunks(file, 12, big=True):
        if name == b"SSND":
            return riff.exceeds(file, place, size)
    return False


def _caf(file: Window, _: Decoded) -> bool:
    for name, place, size in riff.chunks(file, 8, big=True, wide=True):
        if name == b"data":
            return riff.exceeds(file, place, size)
    return False


def _au(file: Window, _: Decoded) -> bool:
    head = file.at(4, 8)
    start, size = int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")
    return riff.exceeds(file, start, size)


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
    # Behind damage, time stamps may be missing; the last frame is the end then.
    return decoded.n_end < declared and (decoded.tail_failed or not decoded.is_damaged)


def _is_piped(n_values: int) -> bool:
    """Says whether a count of samples stems from a wav that told no length."""
    return any(riff.is_unknown(n_values * width) for width in (1, 2, 3, 4))


def _mp3(file: Window, decoded: Decoded) -> bool:
    claim = find_claim(file, riff.id3v2_size(file))
    if claim is None:
        return False
    n_found = decoded.n_samples + decoded.n_lost
    few_bytes = claim.n_bytes is None or claim.start + claim.n_bytes > file.size
    few_samples = claim.n_samples is None or n_found < claim.n_samples
    return few_bytes and few_samples


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
    "flac": _total,
    "ape": _total,
    "wv": _total,
    "tta": _total,
    "mp3": _mp3,
}
