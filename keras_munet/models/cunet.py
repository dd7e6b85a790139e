"""The Conditioned U-Net: one output channel, chosen by a condition through FiLM."""

from typing import Any

import keras
from keras import layers, ops

from keras_munet.config import ModelConfig, UNetConfig
from keras_munet.models.unet import unet_body


@keras.saving.register_keras_serializable(package="keras_munet")
class FiLM(keras.layers.Layer):
    """Feature-wise linear modulation as the authors write it: gamma + beta * x.

    Args:
        start: first of this level's values in the control vectors.

    Call arguments:
        x: `(batch, rows, frames, channels)`.
        gamma: control vector of all levels, `(batch, n_controls)`.
        beta: the same shape.
    """

    def __init__(self, start: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start = start

    def call(self, x: Any, gamma: Any, beta: Any) -> Any:
        """Modulates every channel of `x`."""
        level = slice(self.start, self.start + x.shape[-1])
        gamma, beta = (
            ops.expand_dims(ops.expand_dims(control[:, level], 1), 1)
            for control in (gamma, beta)
        )
        return gamma + beta * x

    def compute_output_shape(
        self, x_shape: tuple[int | None, ...], gamma_shape: Any, beta_shape: Any
    ) -> tuple[int | None, ...]:
        """Returns the shape of `x`."""
        return x_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's values."""
        return {**super().get_config(), "start": self.start}


def _control(condition: Any, config: UNetConfig, name: str) -> Any:
    """Dense K -> w -> 16w -> 128w -> all filters (w = 32: 32, 512, 4096, 4064)."""
    x, width = condition, config.width
    for index, units in enumerate((width, 16 * width, 128 * width)):
        x = layers.Dense(units, activation="relu", name=f"{name}_dense{index}")(x)
        if index:
            x = layers.Dropout(config.dropout, name=f"{name}_dropout{index}")(x)
            x = layers.BatchNormalization(
                momentum=0.9, epsilon=1e-5, name=f"{name}_norm{index}"
            )(x)
    n_controls = width * (2 ** (config.depth + 1) - 1)
    return layers.Dense(n_controls, activation="relu", name=f"{name}_dense3")(x)


def cunet(config: ModelConfig) -> keras.Model:
    """Builds the C-U-Net of `config`.

    Inputs `features`, `(batch, n_rows, frames, 1)`, and `condition`, `(batch, K)`:
    one-hot for one source, ones for all. Output `masks`, `(batch, n_rows, frames, 1)`.

    Reference:
        Meseguer-Brocal and Peeters 2019, as adapted by Kadandale et al. 2020, IV-B.
    """
    unet = config.unet
    features = keras.Input((config.stft.n_rows, None, 1), name="features")
    condition = keras.Input((len(config.sources),), name="condition")
    gamma = _control(condition, unet, "gamma")
    beta = _control(condition, unet, "beta")

    def modulation(level: int) -> Any:
        film = FiLM(unet.width * (2**level - 1), name=f"film_{level}")
        return lambda x: film(x, gamma, beta)

    films = [modulation(level) for level in range(unet.depth + 1)]
    masks = unet_body(features, unet, n_outputs=1, films=films)
    return keras.Model([features, condition], masks, name="cunet")


def one_hot_conditions(n_sources: int, features: Any) -> list[Any]:
    """Returns one condition per source, each `(batch, n_sources)`.

    Args:
        n_sources: K.
        features: `(batch, rows, frames, 1)`, which gives the batch.
    """
    zero = ops.zeros_like(features[:, 0, 0, :])  # (batch, 1)
    return [zero + ops.one_hot([index], n_sources) for index in range(n_sources)]
