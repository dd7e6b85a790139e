"""Grows a trained network: more filters in every layer, and fewer levels if need be.

    python recipes/grow.py OUT.keras MODEL --width 16 [--depth 5]

The filters of the old network are among those of the new one and at first hear only
each other, so that the new network computes what the old one did (after Chen et al.
2016, "Net2Net", with filters of random weights instead of copies). With fewer levels,
what used to come from below the deepest is silence at first and has to be learned.
MODEL is a run folder of `keras-munet fit`, or a `.keras`.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_munet.errors import ModelError
from keras_munet.export.trained import Trained, load_trained
from keras_munet.models import build_network
from keras_munet.models.files import save_model

Array = NDArray[np.float32]

SEED = 1


def grow(model: Trained, out: Path, *, width: int, depth: int) -> None:
    """Writes a network of this width and depth that begins with the weights of another.

    Raises:
        ModelError: when the network would be narrower or deeper, or is a C-U-Net.
    """
    old = model.config.unet
    if old.architecture == "cunet" or width < old.width or depth > old.depth:
        raise ModelError(
            f"Only U-Nets without conditions grow, here to a width of {old.width} or "
            f"more, with {old.depth} levels or fewer. Received: {old.architecture}, "
            f"width {width}, depth {depth}."
        )
    unet = dataclasses.replace(old, width=width, depth=depth)
    config = dataclasses.replace(model.config, unet=unet)
    keras.utils.set_random_seed(SEED)
    network = build_network(config)
    for layer in network.layers:
        name = layer.name
        is_deepest = depth < old.depth and name == f"decoder_{depth - 1}_up"
        if depth < old.depth:
            # The transition is now where the encoder had a level.
            name = name.replace("transition", f"encoder_{depth}")
        parts = model.network.get_layer(name).get_weights()
        pairs = zip(parts, layer.get_weights(), strict=True)
        wholes = [_embedded(layer, part, whole) for part, whole in pairs]
        layer.set_weights([np.zeros_like(w) for w in wholes] if is_deepest else wholes)
    save_model(network, config, out)


def _embedded(layer: Any, part: Array, whole: Array) -> Array:
    """Returns new weights, in which the old filters do what they did."""
    n_old = part.shape[-1]
    if part.ndim == 1:
        return np.concatenate([part, whole[n_old:]])
    if isinstance(layer, keras.layers.Conv2DTranspose):  # (..., outputs, inputs)
        return _kernel(part.swapaxes(2, 3), whole.swapaxes(2, 3), 1).swapaxes(2, 3)
    joined = layer.name.startswith("decoder") and layer.name.endswith("conv1")
    return _kernel(part, whole, 2 if joined else 1)


def _kernel(part: Array, whole: Array, n_groups: int) -> Array:
    """Embeds `(rows, frames, inputs, outputs)`; inputs are so many groups, joined."""
    kernel = whole.copy()
    kernel[..., : part.shape[-1]] = 0
    groups = np.split(part, n_groups, axis=2)
    step = whole.shape[2] // n_groups
    for place, group in enumerate(groups):
        start = place * step
        kernel[:, :, start : start + group.shape[2], : part.shape[-1]] = group
    return kernel


def main() -> None:
    """Grows and says where the result is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--depth", type=int)
    options = parser.parse_args()
    model = load_trained(options.model)
    depth = options.depth or model.config.unet.depth
    grow(model, options.out, width=options.width, depth=depth)
    print(options.out)


if __name__ == "__main__":
    main()
