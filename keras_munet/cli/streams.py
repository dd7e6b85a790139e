"""The standard streams as they may be: closed, full, read by nobody; and stop signals.

Messages are for people: where they cannot be written, work goes on without them.
Results are what was asked for: where they cannot be written, that is an error, which
names the stream and not what was at work.
"""

import codecs
import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, NoReturn, TextIO

NAMES = "keras-munet-names"
"""How text is written that the stream's encoding does not know."""


class OutputError(OSError):
    """Standard output cannot be written."""


class Stopped(SystemExit):
    """A signal asks the process to end; its code is 128 and the signal's number."""


class _Stream(io.FileIO):
    """Standard output or error. After its first failure it swallows what comes.

    Python writes what is left at exit, and would fail once more there.
    """

    def __init__(self, descriptor: int, *, vital: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._vital = vital

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())
            os.close(null)
            if self._vital:
                raise OutputError(error.errno, error.strerror, "stdout") from error
            return memoryview(data).nbytes


@contextlib.contextmanager
def safe_streams() -> Iterator[None]:
    """Makes the standard streams of this process safe to write to, for a while."""
    _open_closed()
    with contextlib.ExitStack() as restored:
        for name, vital in (("stdout", True), ("stderr", False)):
            stream = getattr(sys, name)
            if os.name == "posix" and stream is getattr(sys, f"__{name}__"):
                safe = _safe(stream, vital=vital)
                setattr(sys, name, safe)
                restored.callback(_restore, name, stream, safe)
        yield


def _restore(name: str, stream: TextIO | None, safe: TextIO) -> None:
    setattr(sys, name, stream)
    with contextlib.suppress(OutputError):  # said already, or of no interest any more
        safe.flush()


def _safe(stream: TextIO | None, *, vital: bool) -> TextIO:
    if stream is None:
        stream = io.TextIOWrapper(io.FileIO(1 if vital else 2, "w", closefd=False))
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Stream(stream.fileno(), vital=vital)),
        encoding=stream.encoding,
        errors=NAMES if vital else "backslashreplace",
        line_buffering=bool(stream.line_buffering) or not vital,
    )


def _open_closed() -> None:
    """Gives closed streams a place, or the next file that is opened would be theirs.

    Nothing can be read or written there by mistake: what is written to a closed
    standard output fails, and what is written to a closed standard error is gone.
    """
    for wanted, (name, how) in enumerate(
        [("stdin", os.O_RDONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY)]
    ):
        if getattr(sys, f"__{name}__") is None and os.name == "posix":
            descriptor = os.open(os.devnull, how)
            if descriptor != wanted:
                os.dup2(descriptor, wanted)
                os.close(descriptor)


def _as_bytes(error: UnicodeError) -> tuple[bytes, int]:
    """Codec error handler: names of files come out byte by byte as they are."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    try:
        return text.encode("utf-8", "surrogateescape"), error.end
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace"), error.end


codecs.register_error(NAMES, _as_bytes)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Lets the signals TERM and HUP end the block as Ctrl-C does: all is cleaned up.

    A second one is ignored: closing a terminal sends two. Where a signal is ignored
    already, as `nohup` does, it stays so.
    """

    def stop(number: int, frame: object) -> NoReturn:
        signal.signal(number, signal.SIG_IGN)
        raise Stopped(128 + number)

    with contextlib.ExitStack() as restored:
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            main = threading.current_thread() is threading.main_thread()
            if main and number and signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, stop)
                restored.callback(signal.signal, number, signal.SIG_DFL)
        yield
