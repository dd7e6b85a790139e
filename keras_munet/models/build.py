"""The one place that turns a config into a network, whatever its architecture."""

from typing import Any

import keras
from keras import ops

from keras_munet.config import ModelConfig
from keras_munet.models.cunet import cunet, one_hot_conditions
from keras_munet.models.unet import unet


def build_network(config: ModelConfig) -> keras.Model:
    """Builds the network that `config.unet.architecture` names, untrained."""
    return cunet(config) if config.unet.architecture == "cunet" else unet(config)


def source_masks(network: keras.Model, features: Any, config: ModelConfig) -> Any:
    """Returns the masks of all sources, one pass per source for a C-U-Net.

    Args:
        network: built by `build_network`.
        features: `(batch, n_rows, frames, 1)`.
        config: of the network.

    Returns:
        `(batch, n_rows, frames, K)`.
    """
    if config.unet.architecture != "cunet":
        return network(features)
    conditions = one_hot_conditions(len(config.sources), features)
    masks = [network([features, condition]) for condition in conditions]
    return ops.concatenate(masks, axis=-1)
