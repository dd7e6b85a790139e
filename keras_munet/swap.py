"""Files and folders that appear together: all of them whole, or none at all.

They are written in a working folder `.01234567.part`, which its process holds locked
while it lives, and get their final names at the end, one right after the other. What
they replace is kept until all are in place, and put back where one cannot be.

A process that is killed leaves its working folder; the next one that writes there
removes it (`sweep`), without touching those whose processes still go on.
"""

import contextlib
import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Self

try:
    import fcntl
except ImportError:  # Windows: what others left cannot be told from what they write
    fcntl = None  # type: ignore[assignment]

_LEFT_OVER = re.compile(r"\.(.*\.)?[0-9a-f]{8}\.part(\..*)?", re.DOTALL)
_LOCK = "lock"
_NAME_OF = ".name"
_LONGEST_SUFFIX = 16
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)


class Swap:
    """Gives temporary paths; those become the final ones when the block ends well.

    On any error, Ctrl-C included, all that was written is removed and every final
    name stays as it was, folders that had to be made included.

    Args:
        place: folder below which all final names lie; made if missing. Temporary
            files lie there, or beside their final name where that is another disk.
        durable: whether all is on the disk, and not only in the system's memory,
            before what it replaces goes: then a power cut, too, leaves the old or
            the new. It costs the time that the disk needs for the bytes.
    """

    def __init__(self, place: str | Path, *, durable: bool = True) -> None:
        self._place, self._durable = Path(place), durable
        self._work: dict[Path, _WorkingFolder] = {}
        self._parts: list[tuple[Path, Path, _WorkingFolder]] = []
        self._made: list[Path] = []
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            self._make(self._place)
            self._working_folder(self._place)
        except BaseException:
            self._clean()
            raise
        return self

    def part(self, path: str | Path) -> Path:
        """Returns where to write what will be `path`; nothing is there yet.

        It keeps the suffix, so that writers which go by the name still work.

        Raises:
            OSError: when nothing can be written under this name.
        """
        path = Path(path)
        with contextlib.suppress(FileNotFoundError):
            path.lstat()  # a name that is too long is refused here, not at the end
        self._make(path.parent)
        sweep(path.parent)
        same_disk = path.parent.stat().st_dev == self._place.stat().st_dev
        work = self._working_folder(self._place if same_disk else path.parent)
        suffix = path.suffix
        if len(os.fsencode(suffix)) > _LONGEST_SUFFIX:
            suffix = ""
        part = work.path / f".{len(self._parts)}.part{suffix}"
        self._parts.append((part, path, work))
        return part

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        done = False
        try:
            if kind is None:
                self._commit()
                done = True
        finally:
            self._clean(keep=done)

    def _commit(self) -> None:
        if self._durable:
            for part, _, _ in self._parts:
                _flush_tree(part)
        with contextlib.ExitStack() as undo:
            for part, path, work in self._parts:
                _put(part, path, work, undo, alone=len(self._parts) == 1)
            if self._durable:
                for folder in {path.parent for _, path, _ in self._parts}:
                    _flush(folder)
                for folder in self._made:
                    _flush(folder.parent)
            undo.pop_all()

    def _make(self, folder: Path) -> None:
        """Makes a folder and those above it, and remembers which were missing."""
        missing = []
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for folder in reversed(missing):
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                self._made.append(folder)
        if not folder.is_dir():
            raise NotADirectoryError(
                errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)
            )

    def _working_folder(self, place: Path) -> "_WorkingFolder":
        if place not in self._work:
            sweep(place)
            self._work[place] = _WorkingFolder(place)
        return self._work[place]

    def _clean(self, *, keep: bool = False) -> None:
        for work in self._work.values():
            work.remove()
        for folder in () if keep else reversed(self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()


class _WorkingFolder:
    """A folder for what is not ready, locked while this process needs it."""

    def __init__(self, place: Path) -> None:
        self.path, self._lock = _locked_folder(place)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def _locked_folder(place: Path) -> tuple[Path, IO[bytes]]:
    """Makes a folder; where another process sweeps it at this instant, the next."""
    while True:
        folder = place / f".{uuid.uuid4().hex[:8]}.part"
        folder.mkdir()
        try:
            lock = (folder / _LOCK).open("wb")
        except FileNotFoundError:
            continue
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        if _lock(lock) is not False and _is_there(lock, folder / _LOCK):
            return folder, lock
        lock.close()


def _lock(file: IO[bytes]) -> bool | None:
    """Locks a file for this process; None where the system or disk has no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_there(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def sweep(place: str | Path) -> None:
    """Removes what killed processes left in a folder; does nothing where it cannot.

    What they had moved aside, and not yet replaced, is put back.
    """
    try:
        with os.scandir(place) as entries:
            found = [Path(e.path) for e in entries if _LEFT_OVER.fullmatch(e.name)]
    except OSError:
        return
    for left_over in found:
        with contextlib.suppress(OSError), _unused(left_over) as unused:
            if unused:
                _put_back(left_over)
                remove(left_over)


@contextlib.contextmanager
def _unused(left_over: Path) -> Iterator[bool]:
    """Tells whether no process is at work there, and keeps it so."""
    holder = left_over / _LOCK if left_over.is_dir() else left_over
    with holder.open("ab") as file:  # made if missing: its maker then goes elsewhere
        yield _lock(file) is True


def _put_back(left_over: Path) -> None:
    """Moves what was set aside to its old name, unless something has that name."""
    for label in left_over.glob(f"*{_NAME_OF}"):
        name = os.fsdecode(label.read_bytes())
        old, final = label.with_suffix(""), left_over.parent / name
        if os.path.lexists(old) and not os.path.lexists(final):
            old.replace(final)


def _put(
    part: Path,
    path: Path,
    work: _WorkingFolder,
    undo: contextlib.ExitStack,
    *,
    alone: bool,
) -> None:
    """Gives `part` its final name; `undo` gets what makes that undone."""
    if os.path.lexists(path):
        if path.is_dir() != part.is_dir():
            code = errno.EISDIR if path.is_dir() else errno.ENOTDIR
            raise OSError(code, os.strerror(code), str(path))
        old = work.path / f"{part.name}.old"
        if not part.is_dir() and _link(path, old):
            undo.callback(old.replace, path)
        elif part.is_dir() or not alone:
            label = work.path / f"{part.name}.old{_NAME_OF}"
            label.write_bytes(os.fsencode(os.path.relpath(path, work.path.parent)))
            path.replace(old)
            undo.callback(old.replace, path)
        else:  # no second name to be had: one step, which cannot be undone
            part.replace(path)
            return
    part.replace(path)
    undo.callback(path.replace, part)


def _link(path: Path, other: Path) -> bool:
    """Gives a file a second name, so that the first is never without a file."""
    try:
        os.link(path, other, follow_symlinks=False)
    except (OSError, NotImplementedError) as error:
        if getattr(error, "errno", None) in (*_NO_LINKS, None):
            return False
        raise
    return True


def _flush_tree(path: Path) -> None:
    """Waits until a file, or a folder with all that is in it, is on the disk."""
    if path.is_dir():
        for folder, _, names in os.walk(path):
            for name in names:
                _flush(Path(folder, name))
            _flush(Path(folder))
    else:
        _flush(path)


def _flush(path: Path) -> None:
    folder = path.is_dir()
    if path.is_symlink() or (folder and os.name == "nt"):
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:  # some network disks know no fsync of folders
        if not (folder and error.errno in (errno.EINVAL, errno.ENOTSUP)):
            raise
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Removes a file or a folder; does nothing where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
