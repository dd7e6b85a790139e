"""Deterministic operators, which the command line may choose for its process."""

from keras_munet.cli.quiet import import_quietly
from keras_munet.config import FitConfig


def choose_operators(config: FitConfig) -> None:
    """Has TensorFlow use deterministic operators from here on, if `config` says so.

    This holds for all of the process, which is why no function of the library does it.
    """
    if config.deterministic:
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def start_training() -> None:
    """Prepares a fresh process for a run whose settings are the defaults."""
    import_quietly()
    choose_operators(FitConfig())
