"""What a network learns, out of what a cache holds: its sources, or sums of them."""

from collections.abc import Sequence

import numpy as np

from keras_munet import dsp
from keras_munet.data.dataset import Dataset
from keras_munet.data.stems import recipe
from keras_munet.dsp import FloatArray
from keras_munet.errors import DataError


def mixing(dataset: Dataset, sources: Sequence[str]) -> FloatArray:
    """Returns what each signal of a cache gives to what is learned.

    Args:
        dataset: of K sources and the mixture.
        sources: K' names, sources of the cache or what `stems.recipe` adds up from
            them, as `accompaniment`.

    Returns:
        float32, `(K + 1, K' + 1)`; the mixture stays the mixture.

    Raises:
        DataError: when the cache does not yield a source.
    """
    matrix = np.zeros((len(dataset.sources) + 1, len(sources) + 1), np.float32)
    matrix[-1, -1] = 1
    for column, source in enumerate(sources):
        parts = recipe(source, dataset.sources)
        if not parts:
            raise DataError(
                f"{source!r} is no source of this cache. "
                f"Its sources: {', '.join(dataset.sources)}."
            )
        for name, gain in parts.items():
            matrix[dataset.sources.index(name), column] = gain
    return matrix


def energies(
    dataset: Dataset, sources: Sequence[str], *, keep_silent: bool
) -> dict[str, float]:
    """Returns E_i of eq. (6) over the training chunks, and that of `mixture`.

    Sums of sources, which no cache knows the energies of, are read and measured.

    Raises:
        DataError: when there is no such chunk, or the cache does not yield a source.
    """
    known = dataset.energies if keep_silent else dataset.energies_without_silent
    if set(sources) <= set(known):
        return known
    matrix = mixing(dataset, sources) / np.float32(dataset.full_scale)
    rows = []
    for place in dataset.chunk_index("train", keep_silent=keep_silent):
        piece = dataset.piece(int(place[0]), int(place[1]) * dataset.chunk_shape[1])
        rows.append(dsp.energy((piece.mean(axis=0, dtype=np.float32) @ matrix).T))
    means = np.mean(rows, axis=0)
    return dict(zip((*sources, "mixture"), map(float, means), strict=True))
