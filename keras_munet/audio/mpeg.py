"""The frames of an mp3: what the first one claims, and whether the last one is whole.

Reference: https://www.codeproject.com/Articles/8295/MPEG-Audio-Frame-Header
"""

from dataclasses import dataclass

from keras_munet.audio.window import Window

SEARCHED = 65536
"""Bytes behind the tags in which the first frame is looked for."""

XING_PLACES = (13, 15, 21, 23, 36, 38)
"""Bytes from a frame's beginning to its Xing tag: by version, channels and CRC."""
VBRI_PLACE = 36

CHAIN = 4
"""So many headers, each where the one before says, are no accident."""


@dataclass(frozen=True)
class Claim:
    """What the first frame counts.

    Attributes:
        start: first byte of the frame.
        n_bytes: bytes from there to the end, if counted.
        n_samples: samples that come out, if counted.
    """

    start: int
    n_bytes: int | None
    n_samples: int | None


def find_claim(file: Window, start: int) -> Claim | None:
    """Returns the claim of an mp3 whose tags end at `start`; None if it has none."""
    data = file.at(start, SEARCHED)
    for name in (b"Xing", b"Info", b"VBRI"):
        found = data.find(name)
        while found >= 0:
            places = (VBRI_PLACE,) if name == b"VBRI" else XING_PLACES
            for place in places:
                frame = data[found - place : found] if found >= place else b""
                if frame[:1] == b"\xff" and frame[1] & 0xE6 == 0xE2:
                    read = _vbri if name == b"VBRI" else _xing
                    return read(data[found:], start + found - place, frame)
            found = data.find(name, found + 1)
    return None


def _frame_samples(header: bytes) -> int:
    return 1152 if header[1] & 0x08 else 576  # MPEG 1, else 2 and 2.5


def _xing(tag: bytes, start: int, frame: bytes) -> Claim:
    flags, place = int.from_bytes(tag[4:8], "big"), 8
    n_frames = n_bytes = None
    if flags & 1:
        n_frames, place = int.from_bytes(tag[place : place + 4], "big"), place + 4
    if flags & 2:
        n_bytes, place = int.from_bytes(tag[place : place + 4], "big"), place + 4
    place += 100 * bool(flags & 4) + 4 * bool(flags & 8)
    trimmed = 0
    if tag[place : place + 4] in (b"LAME", b"Lavf", b"Lavc"):
        delay = int.from_bytes(tag[place + 21 : place + 24], "big")
        trimmed = (delay >> 12) + (delay & 0xFFF)
    n_samples = n_frames and n_frames * _frame_samples(frame) - trimmed
    return Claim(start, n_bytes or None, n_samples or None)


def _vbri(tag: bytes, start: int, frame: bytes) -> Claim:
    n_bytes = int.from_bytes(tag[10:14], "big")
    n_frames = int.from_bytes(tag[14:18], "big")
    n_samples = (n_frames - 1) * _frame_samples(frame)  # this frame may be counted
    return Claim(start, n_bytes or None, n_samples if n_frames else None)


BIT_RATES = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""MPEG version -> kbit/s of layer III."""

RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
"""Version bits -> Hz."""


def frame_size(head: bytes) -> int:
    """Returns the bytes of a layer III frame from its first four; 0 if it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, kbits, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version not in RATES or not 0 < kbits < 15 or rate == 3:
        return 0
    is_first = version == 3
    bits = BIT_RATES[1 if is_first else 2][kbits] * (144_000 if is_first else 72_000)
    return bits // RATES[version][rate] + (head[2] >> 1 & 1)


def ends_within_a_frame(file: Window) -> bool:
    """Says whether the file stops before the last frame does."""
    data = file.at(max(0, file.size - SEARCHED), SEARCHED)
    start = data.find(b"\xff")
    while start >= 0:
        place, n_frames = start, 0
        while size := frame_size(data[place : place + 4]):
            place, n_frames = place + size, n_frames + 1
        if n_frames > CHAIN:
            if len(data) - place < 4:  # what is left of a header, or less than nothing
                return place != len(data)
            start = place
        start = data.find(b"\xff", start + 1)
    return False
