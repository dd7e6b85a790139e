"""Files that appear whole or not at all."""

import contextlib
import errno
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keras_munet.errors import DataError, MunetError
from keras_munet.swap import Swap, remove, sweep

__all__ = [
    "Swap",
    "locked",
    "remove",
    "replacing",
    "sha256",
    "sweep",
    "write_error",
    "write_json",
]

try:
    import fcntl
except ImportError:  # Windows: two processes in one folder are not told apart there
    fcntl = None  # type: ignore[assignment]

LOCK_NAME = ".lock"


@contextlib.contextmanager
def replacing(path: str | Path, *, durable: bool = True) -> Iterator[Path]:
    """Gives a temporary path that becomes `path` when the block ends well.

    It keeps the suffix, so that writers which go by the name still work. On any
    error, Ctrl-C included, it is removed and `path` stays as it was. What it replaces
    goes last of all; see `Swap`, which does the same for several files.

    Args:
        path: the final name of a file or a folder. Its parent is made if missing.
        durable: whether it is on the disk before what it replaces goes, so that a
            power cut leaves the one or the other.
    """
    path = Path(path)
    with Swap(path.parent, durable=durable) as swap:
        yield swap.part(path)


@contextlib.contextmanager
def locked(folder: Path, refusal: str) -> Iterator[None]:
    """Holds a folder for this process; the system frees it when the process ends.

    Args:
        folder: made if missing; gets a file `.lock`.
        refusal: what to say when another process holds it.

    Raises:
        MunetError: when another process holds the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_NAME).open("w") as file:
        if fcntl:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise MunetError(
                    f"{refusal} Wait until it is done, or choose another folder."
                ) from None
        yield


def write_json(path: str | Path, value: Any) -> None:
    """Writes `value` as indented JSON, atomically."""
    with replacing(path) as part:
        part.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def sha256(path: str | Path) -> str:
    """Returns the SHA-256 of a file as 64 hex digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_error(error: OSError, path: Path) -> DataError:
    """Returns the error that names what could not be written, and the remedy."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DataError(
            f"The disk is full; {path} could not be written. Free some space and run "
            "the same command again: finished tracks are kept."
        )
    return DataError(f"Cannot write {path}: {error.strerror or error}.")
