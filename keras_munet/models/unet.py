"""The U-Net of the paper: M-U-Net with K output channels, dedicated with one."""

from typing import Any

import keras
from keras import layers

from keras_munet.config import ModelConfig, UNetConfig
from keras_munet.layers.blocks import Film, convolution_block


def unet(config: ModelConfig) -> keras.Model:
    """Builds the network of `config`, with Glorot-initialised weights.

    Input `features`: log-magnitude, `(batch, n_rows, frames, 1)`, any number of
    frames that is a multiple of `2**depth`. Output `masks`: soft masks after a ReLU,
    not bounded by 1, float32, `(batch, n_rows, frames, K)`.

    Raises:
        ValueError: for a conditioned network, which `cunet` builds.

    Reference:
        Kadandale et al. 2020, section IV-B.
    """
    if config.unet.architecture == "cunet":
        raise ValueError("`unet` builds 'munet' and 'dedicated'. Received: 'cunet'")
    features = keras.Input((config.stft.n_rows, None, 1), name="features")
    masks = unet_body(features, config.unet, n_outputs=len(config.sources))
    return keras.Model(features, masks, name=config.unet.architecture)


def unet_body(
    x: Any,
    config: UNetConfig,
    *,
    n_outputs: int,
    films: list[Film] | None = None,
) -> Any:
    """Applies the U-Net to features: encoder, transition, decoder, 1x1 convolution.

    Args:
        x: `(batch, rows, frames, 1)`.
        config: sizes.
        n_outputs: output channels.
        films: one modulation per encoder level and one for the transition.
    """
    modulations: list[Film | None] = (
        list(films) if films else [None] * (config.depth + 1)
    )
    skips = []
    for level in range(config.depth):
        x = convolution_block(
            x,
            config.width * 2**level,
            name=f"encoder_{level}",
            dropout=config.dropout,
            film=modulations[level],
        )
        skips.append(x)
        x = layers.MaxPooling2D(2, name=f"encoder_{level}_pool")(x)
    x = convolution_block(
        x, config.width * 2**config.depth, name="transition", film=modulations[-1]
    )
    for level in reversed(range(config.depth)):
        filters = config.width * 2**level
        x = layers.Conv2DTranspose(filters, 2, strides=2, name=f"decoder_{level}_up")(x)
        x = layers.Concatenate(name=f"decoder_{level}_skip")([x, skips[level]])
        x = convolution_block(
            x,
            filters,
            name=f"decoder_{level}",
            dropout=config.dropout,
            dropout_first=True,
        )
    x = layers.Conv2D(
        n_outputs,
        1,
        bias_initializer=keras.initializers.Constant(config.output_bias),
        name="masks_conv",
    )(x)
    return layers.ReLU(dtype="float32", name="masks")(x)
