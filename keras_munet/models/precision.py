"""Keras dtype policies: for a block of code, and float32 for what leaves training."""

import contextlib
from collections.abc import Iterator

import keras

from keras_munet.config import ModelConfig
from keras_munet.layers.normalization import FusedBatchNormalization
from keras_munet.models.build import build_network


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Sets Keras's dtype policy for the block and puts the old one back."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


@contextlib.contextmanager
def exact_products() -> Iterator[None]:
    """Has JAX multiply float32 matrices in float32; on a GPU it takes fewer bits."""
    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    with jax.default_matmul_precision("float32"):
        yield


def in_float32(network: keras.Model, config: ModelConfig) -> keras.Model:
    """Returns the network as it is, or rebuilt in float32 with the same weights.

    Networks in training may compute in half precision and have layers of ours; model
    files and artefacts are float32 and Keras's own, and whoever wants fewer bits
    quantises them.
    """
    if all(
        layer.compute_dtype == "float32"
        and not isinstance(layer, FusedBatchNormalization)
        for layer in network.layers
    ):
        return network
    with dtype_policy("float32"):
        rebuilt = build_network(config)
    rebuilt.set_weights(network.get_weights())
    return rebuilt
