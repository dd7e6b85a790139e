"""The chunks of wav and its relatives, and sizes that mean "unknown"."""

from collections.abc import Iterator

from keras_munet.audio.window import Window

MIB = 2**20

UNKNOWN = (
    *((0, 0), (0x7F000000 - MIB, 0x7F000000 + MIB)),
    *((0x7FFF0000, 0x80000000 + MIB), (0xFFFF0000, 0x100000000 + MIB)),
    *((2**62, 2**64),),
)
"""Sizes, from and to, that programs write when they do not know: into pipes mostly."""


def is_unknown(size: int) -> bool:
    """Says whether a size is none."""
    return any(low <= size <= high for low, high in UNKNOWN)


def exceeds(file: Window, start: int, size: int) -> bool:
    """Says whether a part of a known size goes on behind the end of the file."""
    return size > 0 and not is_unknown(size) and start + size > file.size


def chunks(
    file: Window, start: int, *, big: bool, wide: bool = False
) -> Iterator[tuple[bytes, int, int]]:
    """Yields (name, first byte of the contents, size) of RIFF-like chunks."""
    order, width = "big" if big else "little", 8 if wide else 4
    while len(head := file.at(start, 4 + width)) == 4 + width:
        if not head[:4].isascii() or not head[:4].decode().isprintable():
            return
        size = int.from_bytes(head[4:], order)  # type: ignore[arg-type]
        yield head[:4], start + 4 + width, size
        start += 4 + width + size + (0 if wide else size % 2)


def id3v2_size(file: Window) -> int:
    """Returns the bytes of the ID3v2 tags at the beginning."""
    start = 0
    while (head := file.at(start, 10))[:3] == b"ID3" and len(head) == 10:
        start += 10 + sum(byte << 7 * i for i, byte in enumerate(head[:5:-1]))
        start += 10 if head[5] & 0x10 else 0
    return start


def lead_size(file: Window) -> int:
    """Returns the bytes of tags and zeros before anything else."""
    start = id3v2_size(file)
    while chunk := file.at(start, MIB):
        rest = chunk.lstrip(b"\0")
        start += len(chunk) - len(rest)
        if rest:  # the size of an mp4's first box begins with zeros of its own
            return start - 3 if rest[1:5] == b"ftyp" else start
    return 0


def find_data(file: Window) -> tuple[int, int] | None:
    """Returns the first byte of a wav's sound and the bytes that it declares.

    None where the file is no wav, or its header is cut off.
    """
    start = id3v2_size(file)
    head, long_size = file.at(start, 12), 0
    if head[:4] not in (b"RIFF", b"RIFX", b"RF64", b"BW64") or head[8:] != b"WAVE":
        return None
    for name, place, size in chunks(file, start + 12, big=head[:4] == b"RIFX"):
        if name == b"ds64":
            long_size = int.from_bytes(file.at(place + 8, 8), "little")
        if name == b"data":
            is_long = size == 0xFFFFFFFF and head[:4] in (b"RF64", b"BW64")
            return place, long_size if is_long else size
    return None


def is_endless(file: Window) -> bool:
    """Says whether a wav's size is none: its sound goes on to the end of the file.

    So it is where the writer did not know it, or was stopped, and where the file
    outgrew the 32 bits of the header.
    """
    data = find_data(file)
    if data is None:
        return False
    start, size = data
    there = file.size - start
    turns, rest = divmod(there - size, 2**32)
    return is_unknown(size) or (turns > 0 and rest < MIB)
