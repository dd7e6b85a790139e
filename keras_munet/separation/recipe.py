"""Which stems are wanted, and sums that are exact to the last bit.

Where stems are to sum to the mixture, all but one come from masks and the last one
is what they leave of the mixture. For files of integers the subtraction is done
after rounding, so that the files themselves null against the input.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keras_munet.audio.writer import quantize
from keras_munet.dsp import FloatArray
from keras_munet.errors import ModelError

MASKS = ("sum", "raw")


@dataclass(frozen=True)
class Recipe:
    """How the stems are made.

    Attributes:
        names: the stems, in order.
        computed: numbers of the model's sources whose masks are applied, one for
            each stem that does not come from the remainder.
        remainder: whether the last stem is the mixture minus all the others.
        normalized: whether the masks are made to sum to one first.
        wanted: those of `names` that are given out.
    """

    names: tuple[str, ...]
    computed: tuple[int, ...]
    remainder: bool
    normalized: bool
    wanted: tuple[str, ...]


def rest_name(source: str) -> str:
    """Returns what the mixture without `source` is called."""
    return "accompaniment" if source == "vocals" else f"no_{source}"


def make_recipe(
    sources: Sequence[str],
    *,
    stems: Sequence[str] = (),
    two_stems: str | None = None,
    masks: str = "sum",
) -> Recipe:
    """Chooses how to make the stems that are wanted.

    Args:
        sources: of the model.
        stems: a choice of them; all by default. A model of one source gives that
            source and the rest of the mixture by default.
        two_stems: a source, to give it and the mixture without it (`accompaniment`
            without vocals, `no_drums` without drums, ...; `stems` may choose one).
        masks: `sum` (normalised) or `raw` (as the network gives them).

    Raises:
        ModelError: when a source is wanted that the model does not have.
        ValueError: on an unknown kind of masks.
    """
    if masks not in MASKS:
        raise ValueError(f"`masks` must be 'sum' or 'raw'. Received: masks={masks!r}")
    summing = masks == "sum"
    if summing and len(sources) == 1 and not stems:
        two_stems = sources[0]
    if two_stems:
        _check((two_stems,), sources)
        names = (two_stems, rest_name(two_stems))
        computed = (list(sources).index(two_stems),)
        return Recipe(names, computed, True, summing, _check(stems, names))
    wanted = _check(stems, sources)
    numbers = tuple(list(sources).index(name) for name in wanted)
    if summing and len(wanted) == len(sources):
        return Recipe(wanted, numbers[:-1], True, True, wanted)
    return Recipe(wanted, numbers, False, summing, wanted)


def _check(stems: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Returns those of `names` that are wanted: all where no stem is named."""
    for stem in stems:
        if stem not in names:
            hint = (
                " For everything but the vocals ask for the two stems of `vocals`."
                if stem == "accompaniment" and "vocals" in names
                else ""
            )
            raise ModelError(
                f"This model gives no stem {stem!r}. It gives: {', '.join(names)}."
                f"{hint}"
            )
    return tuple(name for name in names if not stems or name in stems)


def complete(
    recipe: Recipe, mixture: FloatArray, computed: FloatArray
) -> list[FloatArray]:
    """Returns all stems as floats.

    Args:
        recipe: what to make.
        mixture: `(samples, channels)`.
        computed: `(n_computed, samples, channels)`.
    """
    stems = list(computed)
    return [*stems, mixture - sum(stems)] if recipe.remainder else stems


def complete_quantized(
    recipe: Recipe, mixture: FloatArray, computed: FloatArray, bits: int
) -> list[NDArray[np.int32]]:
    """Returns all stems as integers of `bits` bits.

    With a remainder the stems sum to the quantised mixture exactly. No stem leaves
    the range of its integers: where a rest would, the stems before it give way.
    """
    if not recipe.remainder:
        return [quantize(stem, bits) for stem in computed]
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    rest = quantize(mixture, bits)
    stems = []
    for n_after, stem in zip(range(len(computed), 0, -1), computed, strict=True):
        # What is left after this stem must fit into the `n_after` stems behind it.
        fitting = np.clip(
            quantize(stem, bits), rest - n_after * high, rest - n_after * low
        )
        fitting = np.clip(fitting, low, high)
        stems.append(fitting)
        rest = rest - fitting
    return [*stems, rest]
