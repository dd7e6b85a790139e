"""The convolution block that every level of the U-Net repeats."""

from collections.abc import Callable
from typing import Any

from keras import layers

Film = Callable[[Any], Any]


def convolution_block(
    x: Any,
    filters: int,
    *,
    name: str,
    dropout: float = 0.0,
    dropout_first: bool = False,
    film: Film | None = None,
) -> Any:
    """Applies (Conv 3x3, BatchNorm, LeakyReLU 0.1) twice, as the authors' `flerken`.

    Args:
        x: `(batch, rows, frames, channels)`.
        filters: channels of the result.
        name: prefix of the layers' names.
        dropout: share of maps dropped after each activation (SpatialDropout).
        dropout_first: drop between BatchNorm and the first activation instead of
            after it, as the authors' decoder does.
        film: what to do after the second BatchNorm (the C-U-Net's modulation).
    """
    for index in (1, 2):
        x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv{index}")(x)
        x = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, name=f"{name}_norm{index}"
        )(x)
        if index == 2 and film is not None:
            x = film(x)
        drop = layers.SpatialDropout2D(dropout, name=f"{name}_dropout{index}")
        before = dropout_first and index == 1
        x = drop(x) if dropout and before else x
        x = layers.LeakyReLU(negative_slope=0.1, name=f"{name}_relu{index}")(x)
        x = drop(x) if dropout and not before else x
    return x
