"""Turns the authors' PyTorch checkpoints into `.keras` models of ours."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_munet.config import ModelConfig
from keras_munet.errors import ModelError
from keras_munet.interop.recognize import Tensors, check, infer_config, plain_names
from keras_munet.interop.torch_file import read_tensors

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        config: of the written model.
        n_parameters: trainable ones.
        n_used: tensors that became weights.
        n_counters: batch counters, the one kind of tensor without a place.
    """

    config: ModelConfig
    n_parameters: int
    n_used: int
    n_counters: int


@dataclass(frozen=True)
class Checkpoint:
    """A whole network of the authors', read and checked.

    Attributes:
        tensors: by plain name, in PyTorch's layout.
        config: of the same network in Keras.
    """

    tensors: Tensors
    config: ModelConfig

    def save(self, path: str | Path, *, overwrite: bool = False) -> Imported:
        """Writes the `.keras` file; on any error `path` stays as it was.

        Raises:
            ModelError: when `path` exists and is not to be replaced.
        """
        if Path(path).exists() and not overwrite:
            raise ModelError(
                f"{path} exists already. Choose another name, or --overwrite."
            )
        from keras_munet.models import save_model

        network = network_from_tensors(self.tensors, self.config)
        save_model(network, self.config, path)
        n_used = len(network.weights)
        n_parameters = sum(int(np.prod(v.shape)) for v in network.trainable_weights)
        n_counters = len(self.tensors) - n_used
        return Imported(self.config, n_parameters, n_used, n_counters)


def read_checkpoint(
    path: str | Path,
    *,
    sources: tuple[str, ...] = (),
    architecture: str | None = None,
) -> Checkpoint:
    """Reads a checkpoint and makes sure that every tensor has its place.

    Needs PyTorch but no TensorFlow.

    Args:
        path: file of `torch.save`, see `read_tensors`.
        sources: names of the outputs, in order; see `infer_config`.
        architecture: what the checkpoint must be; by default whatever it is.

    Raises:
        MissingExtraError: when PyTorch is not there.
        ModelError: when the file is not a whole network of the authors'; the message
            names file and tensors.
        ValueError: when a source has a name that no output can have.
    """
    stored = read_tensors(path)
    try:
        tensors = plain_names(stored)
        config = infer_config(tensors, sources=sources, architecture=architecture)
        check(tensors, config)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    return Checkpoint(tensors, config)


def network_from_tensors(tensors: Tensors, config: ModelConfig) -> "keras.Model":
    """Builds the network of `config` with the authors' weights in it.

    Args:
        tensors: by plain name, in PyTorch's layout.
        config: as `infer_config` gives it.

    Raises:
        ModelError: when the tensors do not fill the network exactly.
    """
    filled = check(tensors, config)
    from keras_munet.models import build_network

    network = build_network(config)
    for slot in filled:
        variable = getattr(network.get_layer(slot.layer), slot.weight)
        variable.assign(np.transpose(tensors[slot.tensor], slot.axes))
    return network
