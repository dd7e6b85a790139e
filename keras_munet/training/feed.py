"""From the batches of an epoch to what Keras's `fit` and `evaluate` take."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras

from keras_munet.training.data import Batches


def fed(batches: Batches) -> Any:
    """Returns batches for Keras, each of them `x` alone, be it an array or a pair.

    A `tf.data.Dataset` stays one. Anything else is gone through once, a batch ahead,
    so that a step need not wait for the reading of its batch.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if isinstance(batches, tf.data.Dataset):
            pairs = isinstance(batches.element_spec, tuple)
            return batches.map(lambda *pair: (pair,)) if pairs else batches
    return ((batch,) for batch in _ahead(batches))


def _ahead(batches: Batches) -> Iterator[Any]:
    """Gives batches while the next one is made in another thread."""
    iterator = iter(batches)
    with ThreadPoolExecutor(1) as thread:
        upcoming = thread.submit(next, iterator, None)
        while (batch := upcoming.result()) is not None:
            upcoming = thread.submit(next, iterator, None)
            yield batch
