"""What the studio needs beyond pip: programs and sounds, and who ships them."""

import ctypes.util
import importlib.util
import shutil
from pathlib import Path

from keras_munet.errors import DataError
from keras_munet.studio.band.sounds import NEEDS as BAND
from keras_munet.studio.need import Library, Need
from keras_munet.studio.singers.sounds import NEEDS as SINGERS

LIBRARIES = (
    Library("pedalboard", "pedalboard"),
    Library("fluidsynth", "pyfluidsynth"),
    Library("pyworld", "pyworld"),
    Library("pkg_resources", "setuptools<81"),  # pyworld imports it
)
FLUIDSYNTH = Need("libfluidsynth", "libfluidsynth3")

EXTRA = "pip install 'keras-munet[studio]'"


def needs() -> tuple[Need, ...]:
    """Returns every program, library and sound that is not a Python package."""
    return (FLUIDSYNTH, *BAND, *SINGERS)


def debian_packages() -> list[str]:
    """Returns the Debian packages of all needs, each once."""
    return sorted({need.package for need in needs()})


def is_there(need: Need) -> bool:
    """Tells whether a program is on the path, or a file where it should be."""
    if need.name.startswith("/"):
        return Path(need.name).exists()
    if need.name.startswith("lib"):
        return ctypes.util.find_library(need.name.removeprefix("lib")) is not None
    return shutil.which(need.name) is not None


def missing() -> tuple[list[Need], list[Library]]:
    """Returns what is not installed: Debian's part and pip's."""
    absent = [need for need in needs() if not is_there(need)]
    libraries = [one for one in LIBRARIES if not importlib.util.find_spec(one.module)]
    return absent, libraries


def install_commands(absent: list[Need], libraries: list[Library]) -> list[str]:
    """Returns the commands that install what is `missing`; none if nothing is."""
    packages = " ".join(sorted({need.package for need in absent}))
    apt = [f"apt-get install {packages}"] if absent else []
    return [*apt, EXTRA] if libraries else apt


def _where(need: Need) -> str:
    package = f"Debian package {need.package}"
    return package if need.section == "main" else f"{package}, section {need.section}"


def advice() -> str | None:
    """Returns what is missing and the commands that mend it; None if nothing is."""
    absent, libraries = missing()
    lines = [f"  {need.name} ({_where(need)})" for need in absent]
    lines += [f"  {one.module} (Python package {one.package})" for one in libraries]
    if not lines:
        return None
    commands = [f"  {command}" for command in install_commands(absent, libraries)]
    return "\n".join([*lines, "Install it with:", *commands])


def require_studio() -> None:
    """Makes sure that the studio can play.

    Raises:
        DataError: names all that is missing and the commands that install it.
    """
    text = advice()
    if text:
        raise DataError(f"The studio engine needs what is not installed:\n{text}")
