"""What the studio needs beyond pip: programs and sounds, and who ships them."""

from typing import NamedTuple


class Need(NamedTuple):
    """One program or file.

    Attributes:
        name: a program's name, or an absolute path.
        package: the Debian package that has it.
    """

    name: str
    package: str
