"""A seed for the weights and the dropout of a network, and for nothing else."""

import contextlib
import random
from collections.abc import Iterator


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Makes what Keras draws in the block repeatable; then all is as it was.

    Initialisers and dropout layers without a seed of their own take one from Python's
    `random`. `keras.utils.set_random_seed` would set it, NumPy's and TensorFlow's for
    the rest of the process, which belongs to whoever called us.
    """
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
