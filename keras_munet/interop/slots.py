"""Where each tensor of the authors' networks belongs in ours."""

from collections.abc import Iterator
from dataclasses import dataclass

from keras_munet.config import ModelConfig, UNetConfig

Shape = tuple[int, ...]

# Both orders below turn PyTorch's layout into Keras's: Conv2d (out, in, rows, columns)
# and ConvTranspose2d (in, out, rows, columns) both by reversing kind and place.
CONVOLUTION = (2, 3, 1, 0)
DENSE = (1, 0)
VECTOR = (0,)

NORMALIZATION = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
COUNTER = "num_batches_tracked"
CONTROLS = {"gamma": "gamma_generator", "beta": "beta_generator"}


@dataclass(frozen=True)
class Slot:
    """One tensor of the authors' network and its place in ours.

    Attributes:
        tensor: its name, without the prefix `model.`.
        shape: its shape in PyTorch's layout.
        layer: name of the Keras layer.
        weight: name of the layer's variable.
        axes: order of PyTorch's axes in the Keras variable.
    """

    tensor: str
    shape: Shape
    layer: str
    weight: str
    axes: Shape


def slots(config: ModelConfig) -> list[Slot]:
    """Returns one slot for each tensor, together all weights of `config`'s network.

    The names are those of `flerken.models.UNet` (flerken-nightly 0.4.post10) and of
    the authors' `models/cunet.py`. In both, `decoder.0` is the transition,
    `decoder.k` holds the convolutions of level `depth - k`, and the up-convolution
    `AtrousConv` closes a block instead of opening the next one.
    """
    unet, n_sources = config.unet, len(config.sources)
    conditioned = unet.architecture == "cunet"
    n_outputs = 1 if conditioned else n_sources
    found = [*_encoder(unet), *_decoder(unet)]
    found += _convolution("final_conv", "masks_conv", (n_outputs, unet.width, 1, 1))
    for ours, theirs in CONTROLS.items() if conditioned else ():
        found += _control(theirs, ours, unet, n_sources)
    return found


def counters(found: list[Slot]) -> set[str]:
    """Returns the names of the batch counters that PyTorch keeps beside `found`.

    They count training steps for a momentum mode that the authors do not use; no
    other tensor is without a place.
    """
    suffix = ".running_mean"
    means = (slot.tensor for slot in found if slot.tensor.endswith(suffix))
    return {f"{name.removesuffix(suffix)}.{COUNTER}" for name in means}


def _encoder(unet: UNetConfig) -> Iterator[Slot]:
    below = 1
    for level in range(unet.depth):
        filters = unet.width * 2**level
        yield from _block(f"encoder.{level}", f"encoder_{level}", below, filters)
        below = filters


def _decoder(unet: UNetConfig) -> Iterator[Slot]:
    for index, level in enumerate(reversed(range(unet.depth + 1))):
        filters, theirs = unet.width * 2**level, f"decoder.{index}"
        if level == unet.depth:
            yield from _block(theirs, "transition", filters // 2, filters)
        else:
            yield from _block(theirs, f"decoder_{level}", 2 * filters, filters)
        if level:
            name, shape = f"decoder_{level - 1}_up", (filters, filters // 2, 2, 2)
            yield from _convolution(f"{theirs}.AtrousConv", name, shape, bias=1)


def _block(theirs: str, ours: str, inputs: int, filters: int) -> Iterator[Slot]:
    for index in (1, 2):
        shape = (filters, inputs if index == 1 else filters, 3, 3)
        yield from _convolution(f"{theirs}.Conv{index}", f"{ours}_conv{index}", shape)
        yield from _norm(f"{theirs}.BN{index}", f"{ours}_norm{index}", filters)


def _control(theirs: str, ours: str, unet: UNetConfig, inputs: int) -> Iterator[Slot]:
    width = unet.width
    n_controls = width * (2 ** (unet.depth + 1) - 1)
    for index, units in enumerate((width, 16 * width, 128 * width, n_controls)):
        name, layer = f"{theirs}.L{index + 1}", f"{ours}_dense{index}"
        yield Slot(f"{name}.weight", (units, inputs), layer, "kernel", DENSE)
        yield Slot(f"{name}.bias", (units,), layer, "bias", VECTOR)
        if index in (1, 2):
            yield from _norm(f"{theirs}.BN{index + 1}", f"{ours}_norm{index}", units)
        inputs = units


def _convolution(
    theirs: str, ours: str, shape: Shape, *, bias: int = 0
) -> Iterator[Slot]:
    """The kernel, and the bias as long as axis `bias` of the kernel."""
    yield Slot(f"{theirs}.weight", shape, ours, "kernel", CONVOLUTION)
    yield Slot(f"{theirs}.bias", (shape[bias],), ours, "bias", VECTOR)


def _norm(theirs: str, ours: str, filters: int) -> Iterator[Slot]:
    for name, weight in NORMALIZATION.items():
        yield Slot(f"{theirs}.{name}", (filters,), ours, weight, VECTOR)
