"""Errors that a user can mend: each says what is wrong, where, and what to do."""

import errno
import mmap

OUT_OF_MEMORY = (
    "There is not enough memory. Close other programs, raise the limit (`ulimit -v`), "
    "or choose a smaller --batch or model."
)
_WORDS = (
    *("bad_alloc", "out of memory", "oom when", "allocate memory", "to allocate"),
    *("failed to map segment", "can't start new thread"),
)
"""How libraries that know no `MemoryError` say it, in small letters."""


class MunetError(Exception):
    """Something outside the code is wrong: a file, a setting, a missing part.

    The command line prints its message without a traceback and exits with code 1.
    """


class AudioError(MunetError):
    """An audio file that cannot be read or written as it should."""


class DataError(MunetError):
    """A data set or cache that training cannot use as it is."""


class ModelError(MunetError):
    """A model file that is missing, damaged, or of another kind."""


class ExportError(MunetError):
    """A conversion that failed or an artefact that does not hold its promise."""


class MissingExtraError(MunetError):
    """An optional package is not installed; the message names the extra."""


def is_out_of_memory(error: BaseException | None) -> bool:
    """Tells whether an error, or one that it came from, is for want of memory."""
    while error is not None:
        if isinstance(error, MemoryError) or any(
            w in str(error).lower() for w in _WORDS
        ):
            return True
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            return True
        error = error.__cause__ or error.__context__
    return False


def is_memory_short(n_bytes: int) -> bool:
    """Tells whether the system would refuse `n_bytes` of memory now.

    Libraries that fail for want of it do not always say so, and what they say sounds
    like a damaged file.
    """
    try:
        mmap.mmap(-1, n_bytes).close()
    except (OSError, MemoryError):
        return True
    return False
