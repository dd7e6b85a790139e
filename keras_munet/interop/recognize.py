"""Which network a set of tensors is, and whether it is whole."""

import re
from collections.abc import Iterable, Mapping

import numpy as np

from keras_munet.config import (
    FOUR_SOURCES,
    TWO_SOURCES,
    ModelConfig,
    STFTConfig,
    UNetConfig,
)
from keras_munet.dsp import FloatArray
from keras_munet.errors import ModelError
from keras_munet.interop.slots import CONTROLS, Slot, counters, slots

Tensors = Mapping[str, FloatArray]

FIRST, LAST = "encoder.0.Conv1.weight", "final_conv.weight"
CONDITION = f"{CONTROLS['gamma']}.L1.weight"
PREFIXES = ("module.", "model.")
# The authors' `settings.py`, SOURCES_SUBSET.
ORDERS = {len(order): order for order in (TWO_SOURCES, FOUR_SOURCES)}
N_NAMED = 12


def plain_names(tensors: Tensors) -> dict[str, FloatArray]:
    """Returns the tensors without `model.` (their wrapper) or `module.` before names.

    Raises:
        ModelError: when two tensors then have the same name.
    """
    plain: dict[str, FloatArray] = {}
    origin: dict[str, str] = {}
    for name, value in tensors.items():
        short = name
        while short.startswith(PREFIXES):
            short = short.partition(".")[2]
        if short in plain:
            raise ModelError(
                f"{origin[short]} and {name} are the same tensor under two names. "
                "Save the state_dict of one network."
            )
        plain[short], origin[short] = value, name
    return plain


def infer_config(
    tensors: Tensors,
    *,
    sources: tuple[str, ...] = (),
    architecture: str | None = None,
) -> ModelConfig:
    """Reads architecture, width, depth and number of sources from the tensors.

    Args:
        tensors: by plain name, in PyTorch's layout.
        sources: names of the outputs; by default the authors' order for 2 and 4.
        architecture: what the tensors must be; by default whatever they are, and
            `dedicated` where there is one output.

    Returns:
        The config, with the authors' warp.

    Raises:
        ModelError: when the tensors are no network of the authors', or another one
            than `architecture`, or when `sources` has another number of names.
        ValueError: when `sources` holds names that no output can have.
    """
    for name in (FIRST, LAST):
        if name not in tensors or tensors[name].ndim != 4 or not tensors[name].size:
            raise ModelError(
                f"No network of the authors': no convolution {name}. "
                f"Tensors there: {_names(tensors)}."
            )
    n_outputs = tensors[LAST].shape[0]
    conditioned = any(name.startswith(tuple(CONTROLS.values())) for name in tensors)
    if conditioned:
        found, n_sources = "cunet", _n_conditions(tensors)
    else:
        found, n_sources = "dedicated" if n_outputs == 1 else "munet", n_outputs
    if architecture == "munet" and found == "dedicated":
        found = architecture  # one source: the same network
    if architecture not in (None, found):
        raise ModelError(
            f"The tensors are those of a {found} network, not of a {architecture}. "
            f"Leave the architecture out, or say {found}."
        )
    unet = UNetConfig(
        architecture=found, width=tensors[FIRST].shape[0], depth=_depth(tensors)
    )
    names = _source_names(n_sources, sources)
    return ModelConfig(sources=names, stft=STFTConfig(warp="paper"), unet=unet)


def check(tensors: Tensors, config: ModelConfig) -> list[Slot]:
    """Returns the slots of `config` after making sure that the tensors fill them.

    Raises:
        ModelError: on missing, left-over, wrongly shaped or non-finite tensors; the
            message names them.
    """
    wanted = slots(config)
    known = {slot.tensor for slot in wanted}
    what = f"the {config.unet.architecture} network of width {config.unet.width}"
    if missing := sorted(known - set(tensors)):
        raise ModelError(f"Missing tensors for {what}: {_names(missing)}.")
    if extra := sorted(set(tensors) - known - counters(wanted)):
        raise ModelError(
            f"Tensors without a place in {what}: {_names(extra)}. Is this the "
            "checkpoint of another network?"
        )
    wrong = [slot for slot in wanted if tensors[slot.tensor].shape != slot.shape]
    if wrong:
        shapes = (
            f"{slot.tensor} {tensors[slot.tensor].shape}, expected {slot.shape}"
            for slot in wrong
        )
        raise ModelError(f"Wrong shapes for {what}: {_names(shapes, '; ')}.")
    if bad := [name for name in known if not np.isfinite(tensors[name]).all()]:
        raise ModelError(
            f"Tensors with NaN or infinite values: {_names(sorted(bad))}. Training "
            "had gone wrong when this was saved; take an earlier checkpoint."
        )
    return wanted


def _n_conditions(tensors: Tensors) -> int:
    if CONDITION not in tensors or tensors[CONDITION].ndim != 2:
        raise ModelError(
            f"A C-U-Net without the matrix {CONDITION}, which tells its number of "
            f"sources. Tensors there: {_names(tensors)}."
        )
    return int(tensors[CONDITION].shape[1])


def _depth(tensors: Tensors) -> int:
    """Encoder blocks; `n_rows` bounds how often the picture can be halved."""
    blocks = {int(m[1]) for name in tensors if (m := re.match(r"encoder\.(\d+)", name))}
    depth, n_rows = max(blocks) + 1, STFTConfig().n_rows
    if depth >= n_rows or n_rows % 2**depth:
        raise ModelError(
            f"{depth} encoder blocks (encoder.{depth - 1} is the last) cannot halve "
            f"{n_rows} rows. The authors' networks have 6."
        )
    return depth


def _source_names(n_sources: int, sources: tuple[str, ...]) -> tuple[str, ...]:
    if not sources and n_sources not in ORDERS:
        raise ModelError(
            f"A checkpoint with {_outputs(n_sources)} does not say which. Name what "
            f"it gives, in order: --sources {','.join(FOUR_SOURCES[:n_sources])}"
        )
    names = sources or ORDERS[n_sources]
    if len(names) != n_sources:
        raise ModelError(
            f"A checkpoint with {_outputs(n_sources)}, but --sources names "
            f"{len(names)}: {', '.join(names)}."
        )
    return names


def _outputs(n_sources: int) -> str:
    return "1 source" if n_sources == 1 else f"{n_sources} sources"


def _names(names: Iterable[str], separator: str = ", ") -> str:
    listed = list(names)
    rest = len(listed) - N_NAMED
    tail = f"{separator}and {rest} more" if rest > 0 else ""
    return (separator.join(listed[:N_NAMED]) + tail) or "none"
