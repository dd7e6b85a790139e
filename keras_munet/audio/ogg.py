"""The pages of an Ogg file: its links, and whether its last page ends the stream.

Reference: RFC 3533. A chained file is several complete Ogg streams one behind the
other, as internet radio sends them; each may have another rate and other channels.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from keras_munet.audio.window import Window

MAGIC = b"OggS"
CONTINUED, FIRST, LAST = 1, 2, 4
HEADER = 27
CHUNK = 65536


@dataclass(frozen=True)
class Page:
    """Where a page lies, and its flags.

    Attributes:
        start: its first byte.
        end: the byte behind it, as its header says.
        flags: `CONTINUED`, `FIRST` and `LAST`, added up.
    """

    start: int
    end: int
    flags: int


def pages(file: Window) -> Iterator[Page]:
    """Yields the pages of a file in their order; what lies between them is skipped.

    Where no page follows a page, its length may be damaged: the next one is looked for
    from its beginning on.
    """
    position: int | None = 0
    while position is not None:
        head = file.at(position, HEADER + 255)
        if len(head) < HEADER:
            return
        if not head.startswith(MAGIC) or head[4] or head[5] > 7:
            position = _search(file, position + 1)
            continue
        n_segments = head[26]
        end = position + HEADER + n_segments + sum(head[HEADER : HEADER + n_segments])
        yield Page(position, end, head[5])
        is_followed = file.at(end, len(MAGIC)) == MAGIC
        position = end if is_followed else _search(file, position + 1)


def _search(file: Window, position: int) -> int | None:
    """Returns where the next page may begin."""
    while True:
        chunk = file.at(position, CHUNK)
        found = chunk.find(MAGIC)
        if found >= 0:
            return position + found
        if len(chunk) <= len(MAGIC):
            return None
        position += len(chunk) - len(MAGIC) + 1


def links(file: Window) -> Sequence[tuple[int, int | None]]:
    """Returns (first byte, byte behind it) of the links of a chained file.

    A link begins with the first pages of all its streams; any other page ends them.
    A file that is no chained one is a single link; what lies behind its last page (a
    tag) is none of it.
    """
    if file.at(0, 4) != MAGIC:
        return [(0, None)]
    starts: list[int] = [0]
    in_heads, end = True, None
    for page in pages(file):
        first = bool(page.flags & FIRST)
        if first and not in_heads:
            starts.append(page.start)
        in_heads, end = first, page.end if page.flags & LAST else None
    return [*pairwise(starts), (starts[-1], end)]


def is_ended(file: Window) -> bool:
    """Says whether the last page is whole and ends its stream."""
    last = deque(pages(file), maxlen=1)
    return bool(last) and bool(last[0].flags & LAST) and last[0].end <= file.size
