"""A program, a file or a library that must be installed."""

from typing import NamedTuple


class Need(NamedTuple):
    """One program or file.

    Attributes:
        name: a program's name, an absolute path, or a shared library as `libNAME`.
        package: the Debian package that has it.
        section: Debian's, which must be among the sources of apt-get.
    """

    name: str
    package: str
    section: str = "main"


class Library(NamedTuple):
    """One Python package of the extra `studio`."""

    module: str
    package: str
