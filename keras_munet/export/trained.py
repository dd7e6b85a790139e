"""The MODEL argument of every export: a run folder, a `.keras` or a shipped name."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from keras_munet.config import ModelConfig
from keras_munet.errors import ModelError
from keras_munet.weights.shipped import no_model, trained_path

if TYPE_CHECKING:
    import keras


class Trained(NamedTuple):
    """A network with what is known about it."""

    network: "keras.Model"
    config: ModelConfig
    path: Path


def load_trained(path: str | Path) -> Trained:
    """Loads the network of a run folder (its best, `model.keras`) or a `.keras`.

    Args:
        path: of either, or the name of a shipped model.

    Raises:
        ModelError: when there is none, or it is damaged or has no config.
    """
    from keras_munet.models import load_model
    from keras_munet.models.precision import in_float32

    path = trained_path(path)
    if not path.exists():
        raise no_model(path)
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
