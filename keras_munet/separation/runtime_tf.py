"""Networks run by TensorFlow: `.keras` files and SavedModel folders."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_munet.artefact.saved_model import read_config
from keras_munet.config import ModelConfig
from keras_munet.dsp import FloatArray
from keras_munet.errors import ModelError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def place(device: str | None) -> str | None:
    """Returns TensorFlow's name of a device such as `cpu`, `gpu` or `gpu:1`.

    Raises:
        ModelError: when this machine has no such device; the message lists them.
    """
    import tensorflow as tf

    if device is None:
        return None
    kind, _, number = device.upper().partition(":")
    wanted = f"{kind}:{number or 0}"
    there = [f"{d.device_type}:{i}" for d, i in _numbered(tf)]
    if wanted not in there:
        raise ModelError(
            f"There is no device {device!r} here. Devices: {', '.join(there).lower()}."
        )
    return f"/{wanted}"


def _numbered(tf: Any) -> list[tuple[Any, int]]:
    devices = tf.config.list_logical_devices()
    return [
        (d, sum(e.device_type == d.device_type for e in devices[:i]))
        for i, d in enumerate(devices)
    ]


def _set_threads(threads: int) -> None:
    """Limits TensorFlow's threads; possible only before its first operation."""
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)


class KerasRuntime:
    """Runs a `.keras` file through `separator_model`.

    Args:
        path: the file.
        threads: of TensorFlow, as far as it has not started yet.
        device: `cpu`, `gpu`, `gpu:1` or None.

    Raises:
        ModelError: when the file is damaged or none of ours.
    """

    name = "keras"

    def __init__(
        self, path: Path, *, threads: int | None = None, device: str | None = None
    ) -> None:
        from keras_munet.models import load_model

        if threads:
            _set_threads(threads)
        network, self.config = load_model(path)
        self._run = mask_function(network, self.config)
        self._place = place(device)

    @classmethod
    def of(cls, network: Any, config: ModelConfig) -> "KerasRuntime":
        """Wraps a network that is in memory."""
        runtime = cls.__new__(cls)
        runtime.config = config
        runtime._run = mask_function(network, config)
        runtime._place = None
        return runtime

    def masks(self, waveforms: FloatArray) -> FloatArray:
        """See `Runtime.masks`."""
        import tensorflow as tf

        with tf.device(self._place):
            masks: FloatArray = self._run(tf.constant(waveforms)).numpy()
        return masks


def mask_function(network: Any, config: ModelConfig) -> Callable[[Any], Any]:
    """Compiles waveforms `(batch, chunk_length)` -> masks, and no more.

    Everything between the two, also of networks with a condition, is the business
    of `separator_model`; its inverse STFTs are not part of the graph.
    """
    import keras
    import tensorflow as tf

    from keras_munet.models import separator_model

    separator = separator_model(network, config)
    model = keras.Model(separator.inputs, separator.output["masks"])
    signature = tf.TensorSpec((None, config.stft.chunk_length), tf.float32)
    compiled: Callable[[Any], Any] = tf.function(
        lambda waveforms: model(waveforms, training=False),
        input_signature=[signature],
    )
    return compiled


class SavedModelRuntime:
    """Runs the signature `masks` of a SavedModel folder.

    Args:
        path: the folder.
        threads: of TensorFlow, as far as it has not started yet.
        device: `cpu`, `gpu`, `gpu:1` or None.

    Raises:
        ModelError: when the folder is damaged or none of ours.
    """

    name = "saved_model"

    def __init__(
        self, path: Path, *, threads: int | None = None, device: str | None = None
    ) -> None:
        import tensorflow as tf

        if threads:
            _set_threads(threads)
        self.config = read_config(path)
        self._place = place(device)
        try:
            self._loaded = tf.saved_model.load(str(path))
            self._run = self._loaded.signatures["masks"]
        except KeyError as error:
            raise ModelError(
                f"{path} is a SavedModel without a signature `masks`. Export it with "
                "`keras-munet export saved-model`."
            ) from error
        except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
            raise ModelError(f"{path} cannot be loaded: {error}") from error

    def masks(self, waveforms: FloatArray) -> FloatArray:
        """See `Runtime.masks`."""
        import tensorflow as tf

        with tf.device(self._place):
            outputs = self._run(waveform=tf.constant(waveforms))
        masks: FloatArray = np.asarray(outputs["masks"])
        return masks
