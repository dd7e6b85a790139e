"""Model files: `.keras` with the functional network and its config as JSON inside."""

import zipfile
from pathlib import Path

import keras

from keras_munet.artefact.card import CARD_NAME
from keras_munet.artefact.keras_file import read_config
from keras_munet.config import ModelConfig
from keras_munet.errors import ModelError
from keras_munet.files import replacing


def save_model(network: keras.Model, config: ModelConfig, path: str | Path) -> None:
    """Writes network and config to one `.keras` file, atomically.

    The network is stored as a plain functional model without optimizer, so that
    Keras alone can load it; only a C-U-Net has a layer of ours, which Keras knows once
    `keras_munet.models` is imported. The config is the archive's member `munet.json`.
    """
    if Path(path).suffix != ".keras":
        raise ValueError(f"`path` must end in .keras. Received: {path}")
    plain = keras.Model(network.input, network.output, name=network.name)
    with replacing(path) as part:
        plain.save(part)
        with zipfile.ZipFile(part, "a") as archive:
            archive.writestr(CARD_NAME, config.to_json())


def load_model(path: str | Path) -> tuple[keras.Model, ModelConfig]:
    """Returns the network and the config of a `.keras` file.

    Raises:
        ModelError: when the file is missing, damaged, or not one of ours.
    """
    config = read_config(path)
    try:
        network = keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras lets through whatever its reading met
        raise ModelError(
            f"{path} is damaged, or of another version of Keras, and cannot be "
            f"loaded: {error!r}. Copy it again from where it was trained."
        ) from error
    return network, config
