"""A `.keras` file of ours: its config, read without loading the network."""

import zipfile
from pathlib import Path

from keras_munet.artefact.card import CARD_NAME
from keras_munet.config import ModelConfig
from keras_munet.errors import ModelError, MunetError


def read_config(path: str | Path) -> ModelConfig:
    """Returns the config inside a `.keras` file without loading the network.

    Raises:
        ModelError: when the file is missing, damaged, or not one of ours.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"No model file at {path}.")
    try:
        with zipfile.ZipFile(path) as archive:
            text = archive.read(CARD_NAME).decode()
    except zipfile.BadZipFile as error:
        raise ModelError(
            f"{path} is not a .keras file, or it is damaged ({error}). "
            "Copy it again from where it was trained."
        ) from error
    except KeyError as error:
        raise ModelError(
            f"{path} is a Keras model, but none of keras-munet: it holds no "
            f"{CARD_NAME}. Train one with `keras-munet fit`."
        ) from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path} is damaged: {CARD_NAME} inside is no text.") from (
            error
        )
    try:
        return ModelConfig.from_json(text)
    except MunetError as error:
        raise ModelError(f"{path} holds settings that are none: {error}") from error
