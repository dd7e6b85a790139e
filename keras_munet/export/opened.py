"""An artefact, opened: what runs it, what it says about itself."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_munet.artefact import saved_model, tflite
from keras_munet.artefact.card import card_config
from keras_munet.config import ModelConfig
from keras_munet.dsp import FloatArray
from keras_munet.errors import ModelError

Estimates = dict[str, FloatArray]
"""Source -> `(batch, chunk_length)`."""


@dataclasses.dataclass(frozen=True)
class Artefact:
    """Something that separates windows.

    Attributes:
        path: the file or folder.
        kind: `saved_model`, or the weights of a TFLite file: `float32`, `float16`
            or `int8`.
        card: the model card inside.
        config: of the model inside.
        separate: float32 `(batch, chunk_length)` -> source -> the same shape.
    """

    path: Path
    kind: str
    card: dict[str, Any]
    config: ModelConfig
    separate: Callable[[FloatArray], Estimates]


def open_artefact(path: str | Path, *, threads: int | None = None) -> Artefact:
    """Opens a `.tflite` file or a SavedModel folder.

    Raises:
        ModelError: when it is neither, or none of keras-munet's.
    """
    path = Path(path)
    if not path.exists():
        raise ModelError(f"No artefact at {path}.")
    return _open_saved_model(path) if path.is_dir() else _open_tflite(path, threads)


def _open_tflite(path: Path, threads: int | None) -> Artefact:
    from ai_edge_litert.interpreter import Interpreter

    card = tflite.read_card(path)
    config = card_config(card, str(path))
    interpreter = Interpreter(str(path), num_threads=threads)
    run = interpreter.get_signature_runner(tflite.SIGNATURE)

    def separate(windows: FloatArray) -> Estimates:
        rows = [run(waveform=window[None]) for window in windows]
        return {
            source: np.concatenate([row[source] for row in rows])
            for source in config.sources
        }

    return Artefact(path, card["artefact"]["weights"], card, config, separate)


def _open_saved_model(path: Path) -> Artefact:
    import tensorflow as tf

    card = saved_model.read_card(path)
    config = card_config(card, str(path))
    loaded = tf.saved_model.load(str(path))
    run = loaded.signatures["separate_chunk"]

    def separate(windows: FloatArray) -> Estimates:
        # One by one: the same arithmetic as the reference, and little memory.
        rows = [run(waveform=tf.constant(window[None])) for window in windows]
        return {
            source: np.concatenate([row[source].numpy() for row in rows])
            for source in config.sources
        }

    # The function keeps `loaded` alive; its signatures alone would not.
    separate.loaded = loaded  # type: ignore[attr-defined]
    return Artefact(path, "saved_model", card, config, separate)
