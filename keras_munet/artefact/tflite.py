"""A `.tflite` of ours: its signature, its card, its config."""

from pathlib import Path
from typing import Any

from keras_munet.artefact import flatbuffer
from keras_munet.artefact.card import CARD_NAME, card_config
from keras_munet.config import ModelConfig

SIGNATURE = "separate"


def read_card(path: str | Path) -> dict[str, Any]:
    """Returns the model card inside a `.tflite`.

    Raises:
        ModelError: when the file is missing or none of keras-munet's.
    """
    card: dict[str, Any] = flatbuffer.read_metadata(path, CARD_NAME)
    return card


def read_config(path: str | Path) -> ModelConfig:
    """Returns the config inside a `.tflite`.

    Raises:
        ModelError: when the file is missing or none of keras-munet's.
    """
    return card_config(read_card(path), str(path))
