"""What a network costs: parameters, multiply-adds, training iterations (Table I)."""

import math
from dataclasses import dataclass

import keras
from keras import layers

from keras_munet.config import ModelConfig
from keras_munet.models.build import build_network


@dataclass(frozen=True)
class Cost:
    """Cost of separating all K sources with one approach of the paper's Table I.

    Attributes:
        parameters: trainable ones, of all networks together.
        multiply_adds: of one chunk, all sources.
        iterations: passes per training sample and epoch.
    """

    parameters: int
    multiply_adds: int
    iterations: int


def cost(config: ModelConfig) -> Cost:
    """Counts a network by building it.

    A dedicated network is counted as the K networks that all sources need; its
    config names one source, so K is 1 there. `cost_of_dedicated` multiplies.
    """
    network = build_network(config)
    n_sources = len(config.sources)
    conditioned = config.unet.architecture == "cunet"
    operations = sum(_multiply_adds(layer, config) for layer in network.layers)
    return Cost(
        parameters=sum(math.prod(v.shape) for v in network.trainable_variables),
        multiply_adds=operations * (n_sources if conditioned else 1),
        iterations=config.n_passes,
    )


def times(cost: Cost, n_networks: int) -> Cost:
    """Returns the cost of `n_networks` networks of that cost."""
    return Cost(
        cost.parameters * n_networks,
        cost.multiply_adds * n_networks,
        cost.iterations * n_networks,
    )


def _multiply_adds(layer: keras.layers.Layer, config: ModelConfig) -> int:
    """Multiply-adds of one layer for one chunk; only matrix products count."""
    if isinstance(layer, layers.Dense):
        return math.prod(layer.kernel.shape)
    if not isinstance(layer, layers.Conv2D | layers.Conv2DTranspose):
        return 0
    transposed = isinstance(layer, layers.Conv2DTranspose)
    rows = (layer.input if transposed else layer.output).shape[1]
    frames = config.stft.n_frames * rows // config.stft.n_rows
    n_operations: int = math.prod(layer.kernel.shape) * rows * frames
    return n_operations
