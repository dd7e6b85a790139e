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


def import_checkpoint(
    checkpoint: str | Path,
    path: str | Path,
    *,
    sources: tuple[str, ...] = (),
    architecture: str | None = None,
    overwrite: bool = False,
) -> Imported:
    """Writes a checkpoint's network to `path`; every tensor is used exactly once.

    Args:
        checkpoint: file of `torch.save`, see `read_tensors`.
        path: the `.keras` file to write; on any error it stays as it was.
        sources: names of the outputs, in order; see `infer_config`.
        architecture: what the checkpoint must be; by default whatever it is.
        overwrite: whether an existing file is replaced.

    Raises:
        MissingExtraError: when PyTorch is not there.
        ModelError: when the checkpoint is not a whole network of the authors', or
            when `path` exists; the message names file and tensors.
        ValueError: when a source has a name that no output can have.
    """
    if Path(path).exists() and not overwrite:
        raise ModelError(f"{path} exists already. Choose another name, or --overwrite.")
    try:
        tensors = plain_names(read_tensors(checkpoint))
        config = infer_config(tensors, sources=sources, architecture=architecture)
        network = network_from_tensors(tensors, config)
    except ModelError as error:
        named = str(checkpoint) in str(error)
        raise error if named else ModelError(f"{checkpoint}: {error}") from error
    from keras_munet.models import save_model

    save_model(network, config, path)
    n_used = len(network.weights)
    n_parameters = sum(int(np.prod(v.shape)) for v in network.trainable_weights)
    return Imported(config, n_parameters, n_used, len(tensors) - n_used)


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
