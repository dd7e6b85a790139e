"""Errors that a user can mend: each says what is wrong, where, and what to do."""


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
