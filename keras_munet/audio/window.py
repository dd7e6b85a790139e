"""A part of a binary file as a file of its own: bare, so that only bytes count."""

import os
from pathlib import Path
from typing import IO, Self


class Window:
    """Reads the bytes of `file` from `start` to `end`.

    The file stays open, unless it was opened by `Window.open`.

    Args:
        file: a seekable binary file.
        start: first byte.
        end: the byte behind the last one; None for the end of the file, also of one
            that grows or shrinks.

    Attributes:
        name: what FFmpeg guesses a format by; none, so that the contents alone count.
    """

    def __init__(self, file: IO[bytes], start: int = 0, end: int | None = None) -> None:
        self._file, self._start, self._end = file, start, end
        self._position, self._owns = 0, False
        self.name = ""

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Opens a whole file; raises `OSError` where that is not possible."""
        window = cls(Path(path).open("rb", buffering=0))  # noqa: SIM115
        window._owns = True
        return window

    def close(self) -> None:
        """Closes the file if it was opened here."""
        if self._owns:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def part(self, start: int, end: int | None = None) -> "Window":
        """Returns the bytes of this one from `start` to `end`, or to its own end."""
        last = self._end if end is None else self._start + end
        part = Window(self._file, self._start + start, last)
        part._owns, part.name = self._owns, self.name
        return part

    @property
    def size(self) -> int:
        """Bytes that are there now."""
        there = self._file.seek(0, os.SEEK_END)
        end = there if self._end is None else min(self._end, there)
        return max(0, end - self._start)

    def read(self, n: int = -1) -> bytes:
        """Returns up to `n` bytes (all that are left when negative)."""
        if n < 0 or self._end is not None:
            left = max(0, self.size - self._position)
            n = left if n < 0 else min(n, left)
        self._file.seek(self._start + self._position)
        data = self._file.read(n)
        self._position += len(data)
        return data

    def at(self, offset: int, n: int) -> bytes:
        """Returns up to `n` bytes from `offset` on."""
        self.seek(offset)
        return self.read(n)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves, and returns where it is now."""
        if whence == os.SEEK_CUR:
            offset += self._position
        elif whence == os.SEEK_END:
            offset += self.size
        if offset < 0:
            raise OSError(f"`offset` must not be negative. Received: {offset}")
        self._position = offset
        return offset

    def tell(self) -> int:
        """Returns where it is."""
        return self._position

    def seekable(self) -> bool:
        """Says that it can seek."""
        return True

    def readable(self) -> bool:
        """Says that it can be read."""
        return True
