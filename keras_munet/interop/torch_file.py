"""Reads the tensors of a PyTorch checkpoint without running anything in it."""

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.errors import MissingExtraError, ModelError
from keras_munet.extras import advising

# Older ones can be made to run code even so (CVE-2025-32434).
SAFE_TORCH = (2, 6)
WRAPPER = "state_dict"

# The authors' training loop pickles its loss meters beside the weights. These names
# stand for an empty object; the code behind them is never imported.
BOOKKEEPING = (
    *(
        f"flerken.framework.classitems.{name}"
        for name in ("TensorScalarItem", "Timers", "Array", "AverageMeter", "NullItem")
    ),
    *(
        f"numpy.{name}"
        for name in ("dtype", "core.multiarray.scalar", "_core.multiarray.scalar")
    ),
)


class Ignored:
    """Takes the place of bookkeeping; keeps nothing."""

    def __new__(cls, *_: object) -> "Ignored":
        """Makes one from whatever the original was made from."""
        return super().__new__(cls)

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        """Drops the state."""


def read_tensors(path: str | Path) -> dict[str, FloatArray]:
    """Returns the tensors of a checkpoint by name, as float32, in PyTorch's layout.

    Reads `torch.save` files old and new, holding a state_dict or a dictionary with
    one under `state_dict`. Nothing that is in the file is executed.

    Raises:
        MissingExtraError: when PyTorch is not there, or too old to be safe.
        ModelError: when the file is missing, damaged, wants to run code, or holds
            no tensors; the message names the file.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"No checkpoint at {path}.")
    content = _load(path)
    if isinstance(content, Mapping) and isinstance(content.get(WRAPPER), Mapping):
        content = content[WRAPPER]
    if not isinstance(content, Mapping) or not content:
        raise ModelError(
            f"{path} holds no state_dict but a {type(content).__name__}. Save the "
            "network with torch.save(network.state_dict(), path)."
        )
    return {str(name): _array(path, name, value) for name, value in content.items()}


def _load(path: Path) -> Any:
    torch = _torch()
    aliases = [(Ignored, name) for name in BOOKKEEPING]
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(aliases):
            warnings.simplefilter("ignore")  # on pickle protocols, before it refuses
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        if wanted := re.search(r"GLOBAL (\S+)", str(error)):
            raise ModelError(
                f"{path} wants to run code or build objects ({wanted[1]}); refused, "
                "and nothing of it was run. A checkpoint for import-weights holds "
                "tensors only: torch.save(network.state_dict(), path)."
            ) from error
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ModelError(
            f"{path} is no checkpoint that PyTorch can read as plain tensors, or it "
            f"is damaged ({reason}). Copy it again from where it was trained."
        ) from error


def _torch() -> Any:
    with advising():
        import torch
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    if version < SAFE_TORCH:
        raise MissingExtraError(
            f"PyTorch {torch.__version__} can be made to run code by a checkpoint. "
            "Update it with:  pip install -U 'keras-munet[torch]'"
        )
    return torch


def _array(path: Path, name: object, value: Any) -> FloatArray:
    import torch

    plain = (
        isinstance(value, torch.Tensor)
        and value.layout == torch.strided
        and not (value.is_meta or value.is_quantized or value.is_complex())
    )
    if not plain:
        raise ModelError(
            f"{path}: {name} is no plain tensor of real numbers "
            f"({type(value).__name__})."
        )
    array: FloatArray = value.detach().to(torch.float32).numpy()
    return np.asarray(array)
