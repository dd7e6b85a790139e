"""Deterministic operators, which the command line may choose for its process."""

import os

from keras_munet.cli.quiet import import_quietly
from keras_munet.config import FitConfig

XLA_FLAG = "--xla_gpu_deterministic_ops=true"


def choose_operators(config: FitConfig) -> None:
    """Has Keras's backend use deterministic operators, if `config` says so.

    This holds for all of the process, which is why no function of the library does it.
    JAX takes it up as long as it has not touched a device.
    """
    if not config.deterministic:
        return
    import keras

    if keras.backend.backend() == "jax":
        flags = os.environ.get("XLA_FLAGS", "").split()
        os.environ["XLA_FLAGS"] = " ".join(dict.fromkeys([*flags, XLA_FLAG]))
        return
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()


def start_training() -> None:
    """Prepares a fresh process for a run whose settings are the defaults."""
    import_quietly()
    choose_operators(FitConfig())
