"""Networks run by LiteRT: `.tflite` files, without TensorFlow."""

import struct
import threading
from pathlib import Path
from typing import Any

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.errors import ModelError, is_memory_short

TRIMMED = 2**27
"""Files up to this size (bytes) are loaded without what computes waveforms, which is
0.4 of the `mobile` network's time. In larger files it is 0.04, and not worth a copy."""


COPIES = 4
"""Of the weights: the file's, the trimmed one's, and both as the kernels want them."""

WORKING = 2**27
"""Bytes for what is computed in a window of the shipped models, and half of it more."""


class LiteRTRuntime:
    """Runs a `.tflite` file window by window.

    Threads take turns, a window each: an interpreter has one set of buffers, and runs
    on all `threads` anyway. `benchmarks/threads.py` says what one more would bring.

    Args:
        path: the file.
        threads: of the interpreter.
        device: None or `cpu`.

    Raises:
        ModelError: when the file is damaged or none of ours, or on another device.
    """

    name = "litert"

    def __init__(
        self, path: Path, *, threads: int | None = None, device: str | None = None
    ) -> None:
        from keras_munet.artefact.flatbuffer import with_outputs
        from keras_munet.artefact.tflite import SIGNATURE, read_config

        if device not in (None, "cpu"):
            raise ModelError(
                f"A .tflite runs on the cpu. Received: device={device!r}. Give the "
                f".keras model to use it."
            )
        try:
            self.config = read_config(path)
            small = path.stat().st_size <= TRIMMED
            network = with_outputs(path, ("masks",)) if small else None
        except (struct.error, IndexError, ValueError, TypeError) as error:
            raise ModelError(
                f"{path} is damaged: {error}. Copy or export it again."
            ) from error
        self._interpreter = _interpreter(path, network, threads)
        if SIGNATURE not in self._interpreter.get_signature_list():
            raise ModelError(
                f"{path} has no signature `{SIGNATURE}`. Export it with `keras-munet "
                "export tflite`."
            )
        self._run = self._interpreter.get_signature_runner(SIGNATURE)
        self._turn = threading.Lock()

    def masks(self, waveforms: FloatArray) -> FloatArray:
        """See `Runtime.masks`."""
        windows = np.ascontiguousarray(waveforms, np.float32)
        return np.concatenate([self._window(window) for window in windows])

    def _window(self, window: FloatArray) -> FloatArray:
        with self._turn:
            masks: FloatArray = self._run(waveform=window[None])["masks"]
        return masks


def _interpreter(path: Path, network: bytes | None, threads: int | None) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise ModelError(
            f"{path} needs LiteRT. Install it with:  pip install ai-edge-litert"
        ) from error
    try:
        interpreter = Interpreter(
            model_path=None if network else str(path),
            model_content=network,
            num_threads=threads,
        )
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        if is_memory_short(COPIES * path.stat().st_size + WORKING):
            raise MemoryError(f"{path} does not fit") from error
        raise ModelError(
            f"{path} cannot be loaded; it is damaged or of another kind: {error}"
        ) from error
    return interpreter
