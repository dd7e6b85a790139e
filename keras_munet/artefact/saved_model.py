"""A SavedModel folder of ours: its card, its config."""

import json
from pathlib import Path
from typing import Any

from keras_munet.artefact.card import card_config
from keras_munet.config import ModelConfig
from keras_munet.errors import ModelError

CARD_FILE = Path("assets") / "model_card.json"


def read_card(folder: str | Path) -> dict[str, Any]:
    """Returns the model card of a SavedModel.

    Raises:
        ModelError: when the folder holds no SavedModel of keras-munet.
    """
    folder = Path(folder)
    if not (folder / "saved_model.pb").is_file():
        raise ModelError(f"No SavedModel at {folder}: it holds no saved_model.pb.")
    try:
        text = (folder / CARD_FILE).read_text(encoding="utf-8")
        card: dict[str, Any] = json.loads(text)
    except FileNotFoundError as error:
        raise ModelError(
            f"{folder} was not exported by keras-munet: it has no {CARD_FILE}. Export "
            "it with `keras-munet export saved-model`."
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{folder} is damaged: {CARD_FILE} cannot be read ({error}). Copy or "
            "export it again."
        ) from error
    return card


def read_config(folder: str | Path) -> ModelConfig:
    """Returns the config in a SavedModel's model card.

    Raises:
        ModelError: when the folder holds no SavedModel of keras-munet.
    """
    return card_config(read_card(folder), str(Path(folder) / CARD_FILE))
