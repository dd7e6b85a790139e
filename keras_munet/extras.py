"""What a light installation leaves out, and the one pip line that brings it.

`pip install .` brings what separates songs. All else is an extra: the code that needs
it imports it where it is used, and a failed import becomes advice in one place.
"""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from keras_munet.errors import MissingExtraError


class Extra(NamedTuple):
    """A part that a light installation leaves out.

    Attributes:
        use: what it is for.
        packages: what it brings, as `import` calls them.
    """

    use: str
    packages: tuple[str, ...]


_EXPORT = ("tensorflow", "keras", "scipy")
_TRAIN = (*_EXPORT, "musdb", "stempeg")
_PLOT = ("matplotlib", "librosa")
_EVALUATE = ("scipy", "mir_eval", "threadpoolctl", *_PLOT)
_SERVING = (*_EXPORT, "tensorflow_serving", "grpc")
_STUDIO = ("scipy", "pedalboard", "fluidsynth", "pyworld")

EXTRAS = {  # where several have a package, the first is named unless one is asked for
    "train": Extra("fit, synth, cost, and separate with a .keras", _TRAIN),
    "export": Extra("export", _EXPORT),
    "plot": Extra("separate --plot", _PLOT),
    "evaluate": Extra("evaluate, compare", _EVALUATE),
    "museval": Extra("evaluate --protocol museval", (*_EVALUATE, "museval")),
    "serving": Extra("export serving, remote-separate with grpc://", _SERVING),
    "studio": Extra("synth --engine studio", _STUDIO),
    "tensorboard": Extra("curves while a network trains", ("tensorboard",)),
    "torch": Extra("import-weights", (*_EXPORT, "torch")),
    "jax": Extra("training on JAX", ("keras", "scipy", "musdb", "stempeg", "jax")),
    "tfio": Extra("training straight from audio files", (*_TRAIN, "tensorflow_io")),
    "all": Extra(
        "demo, reproduce, and all above but torch",
        (*_TRAIN, *_EVALUATE, "museval", *_SERVING, *_STUDIO, "tensorboard"),
    ),
}


def missing_extra(package: str, extra: str | None = None) -> MissingExtraError:
    """Gives the one wording for a package that is not there.

    Args:
        package: as `import` calls it, one of `EXTRAS`.
        extra: the one to name, if it has the package; else the first that has.
    """
    having = [name for name, (_, names) in EXTRAS.items() if package in names]
    name = extra if extra in having else having[0]
    return MissingExtraError(
        f"{package} is not installed. Install it with:  "
        f"pip install 'keras-munet[{name}]'"
    )


@contextlib.contextmanager
def advising(extra: str | None = None) -> Iterator[None]:
    """Turns the failed import of a package of an extra into advice.

    Args:
        extra: the one to name, if it has the package; else the first that has.

    Raises:
        MissingExtraError: when a package of an extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if not any(package in packages for _, packages in EXTRAS.values()):
            raise
        raise missing_extra(package, extra) from error
