"""The state of a run on disk: one JSON file names one array file, no pickle.

`state/state.json` is replaced atomically and is the only thing that says which
epoch is done; an array file that it does not name is a leftover and is removed.
"""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_munet.errors import MunetError
from keras_munet.files import remove, replacing, write_json

STATE_NAME = "state.json"


def save_state(
    folder: Path,
    epoch: int,
    variables: Sequence[keras.Variable],
    values: dict[str, Any],
) -> None:
    """Writes all variables and `values` as the state after `epoch` epochs."""
    name = f"epoch-{epoch:05d}.npz"
    arrays = {
        f"{index:05d}": ops.convert_to_numpy(variable)
        for index, variable in enumerate(variables)
    }
    with replacing(folder / name) as part:
        np.savez(part, **arrays)
    write_json(folder / STATE_NAME, {"epoch": epoch, "arrays": name, **values})
    for leftover in folder.glob("*.npz"):
        if leftover.name != name:
            remove(leftover)


def read_values(folder: Path) -> dict[str, Any]:
    """Returns the JSON values of a state.

    Raises:
        MunetError: when they cannot be read.
    """
    try:
        text = (folder / STATE_NAME).read_text(encoding="utf-8")
        values: dict[str, Any] = json.loads(text)
        missing = {"epoch", "arrays", "history"} - {*values}
        if missing:
            raise ValueError(f"it does not say {', '.join(sorted(missing))}")
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(folder, error) from error
    return values


def load_state(
    folder: Path, variables: Sequence[keras.Variable]
) -> dict[str, Any] | None:
    """Restores the variables and returns the values; None where nothing is saved.

    Raises:
        MunetError: when the state is damaged or of another network.
    """
    if not (folder / STATE_NAME).exists():
        return None
    values = read_values(folder)
    try:
        with (
            (folder / values["arrays"]).open("rb") as file,
            np.load(file, allow_pickle=False) as arrays,
        ):
            if len(arrays.files) != len(variables):
                raise ValueError(
                    f"{len(arrays.files)} arrays for {len(variables)} variables"
                )
            for index, variable in enumerate(variables):
                variable.assign(arrays[f"{index:05d}"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(folder, error) from error
    return values


def _damaged(folder: Path, error: Exception) -> MunetError:
    return MunetError(
        f"The saved state in {folder} cannot be read ({error}). Remove that folder "
        "to start this run anew; model.keras, the best model so far, stays."
    )
