"""The backend of Keras that trains: TensorFlow or JAX, and what each must be told."""

import sys

import keras
import numpy as np

from keras_munet.errors import MunetError

BACKENDS = ("tensorflow", "jax")


def check_backend() -> str:
    """Returns the name of Keras's backend.

    On another than TensorFlow, Keras is kept from importing TensorFlow, which it does
    where it only asks whether there is one.

    Raises:
        MunetError: when it is none that `fit` trains on.
    """
    name: str = keras.backend.backend()
    if name not in BACKENDS:
        raise MunetError(
            f"Keras runs on {name}, and training needs TensorFlow or JAX. "
            "Set KERAS_BACKEND=tensorflow or KERAS_BACKEND=jax."
        )
    if name != "tensorflow" and "tensorflow" not in sys.modules:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
        try:
            keras.saving.serialize_keras_object(np.ones(1))  # asks, and keeps in mind
        finally:
            del sys.modules["tensorflow"]
    return name
