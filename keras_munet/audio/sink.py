"""The file under an encoder, which remembers why the system refused.

libsndfile says "System error" for a full disk, a quota and a broken one alike.
"""

import io
from pathlib import Path


class Sink:
    """A new file, as libsndfile wants it: never raises, keeps the first error.

    Args:
        path: where nothing is yet.
        head: bytes that come first, of which the encoder knows nothing.

    Attributes:
        error: what the system refused, if it did.

    Raises:
        OSError: when the file cannot be made, or `head` not be written.
    """

    def __init__(self, path: Path, head: bytes = b"") -> None:
        self.error: OSError | None = None
        self._file = io.FileIO(path, "x+")
        self._head = len(head)
        if self.write(head) < len(head):
            self._file.close()
            raise self.error or OSError(f"{path} was cut short")

    def write(self, data: bytes) -> int:
        """Appends; returns how many bytes are written."""
        n_done = 0
        try:
            while n_done < len(data):
                n_done += self._file.write(data[n_done:]) or 0
        except OSError as error:
            self.error = self.error or error
        return n_done

    def read(self, n: int = -1) -> bytes:
        """Returns up to `n` bytes."""
        return self._file.read(n) or b""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to `offset`; returns the new place."""
        base = self._head if whence == io.SEEK_SET else 0
        return self._file.seek(base + offset, whence) - self._head

    def tell(self) -> int:
        """Returns the place."""
        return self._file.tell() - self._head

    def close(self) -> None:
        """Closes the file."""
        try:
            self._file.close()
        except OSError as error:  # network disks report a full disk here
            self.error = self.error or error
