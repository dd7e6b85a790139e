"""One waveform graph for every artefact: the separator with its weights as constants.

The front end is the one of training (`models.separator_model`). Weights become
constants when the graph is traced, so that converters can fold BatchNorm into the
convolutions, and so that an artefact holds no variable, no optimizer and no layer.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_munet.config import ModelConfig
from keras_munet.models import separator_model

Tensors = dict[str, Any]
"""Tensors by output name: `masks`, and one waveform per source."""


def frozen(network: keras.Model, config: ModelConfig) -> Callable[[Any], Tensors]:
    """Returns `separator_model` as a function to trace, weights as constants.

    Args:
        network: of any architecture.
        config: of the network.

    Returns:
        `waveform` `(batch, chunk_length)` -> `masks`
        `(batch, n_bins, n_frames, K)` and `(batch, chunk_length)` per source.
    """
    model = separator_model(network, config)
    trainable = [variable.numpy() for variable in model.trainable_variables]
    other = [variable.numpy() for variable in model.non_trainable_variables]

    def separate(waveform: Any) -> Tensors:
        outputs, _ = model.stateless_call(
            [tf.constant(value) for value in trainable],
            [tf.constant(value) for value in other],
            waveform,
            training=False,
        )
        return {
            name: tf.identity(outputs[name], name=name)
            for name in ("masks", *config.sources)
        }

    return separate
