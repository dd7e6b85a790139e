"""The MODEL argument of every export: a run folder or a `.keras` file."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from keras_munet.config import ModelConfig
from keras_munet.errors import ModelError

if TYPE_CHECKING:
    import keras


class Trained(NamedTuple):
    """A network with what is known about it."""

    network: "keras.Model"
    config: ModelConfig
    path: Path


def load_trained(path: str | Path) -> Trained:
    """Loads the network of a run folder (its best, `model.keras`) or a `.keras`.

    Raises:
        ModelError: when there is none, or it is damaged or has no config.
    """
    from keras_munet.models import load_model

    path = Path(path)
    if path.is_dir():
        members = sorted(file.parent.name for file in path.glob("*/model.keras"))
        if not (path / "model.keras").is_file() and members:
            raise ModelError(
                f"{path} holds one network per source. Export them one by one: "
                f"{', '.join(str(path / name) for name in members)}."
            )
        if not (path / "model.keras").is_file():
            raise ModelError(
                f"{path} holds no model.keras. Give a run folder of `keras-munet fit` "
                "or a .keras file."
            )
        path = path / "model.keras"
    network, config = load_model(path)
    return Trained(in_float32(network, config), config, path)


def in_float32(network: "keras.Model", config: ModelConfig) -> "keras.Model":
    """Returns the network as it is, or rebuilt in float32 with the same weights.

    Networks trained in mixed precision compute in half precision; artefacts are
    float32, and whoever wants fewer bits quantises them.
    """
    import keras

    from keras_munet.models import build_network

    if all(layer.compute_dtype == "float32" for layer in network.layers):
        return network
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("float32")
        rebuilt = build_network(config)
    finally:
        keras.config.set_dtype_policy(policy)
    rebuilt.set_weights(network.get_weights())
    return rebuilt
