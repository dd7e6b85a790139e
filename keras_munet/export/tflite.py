"""TFLite: one file, builtin operators only, waveform to waveforms."""

import dataclasses
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from keras_munet import dsp
from keras_munet.artefact import flatbuffer
from keras_munet.artefact.card import CARD_NAME, NOT_STATED, model_card
from keras_munet.artefact.tflite import SIGNATURE
from keras_munet.config import ModelConfig, STFTConfig
from keras_munet.errors import ExportError
from keras_munet.export.quantize import SCHEMES, quantize_weights
from keras_munet.files import replacing

if TYPE_CHECKING:
    import keras


@dataclasses.dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the file.
        n_bytes: its size.
        operators: name -> how often.
        config: of the exported model, with its own `n_frames`.
    """

    path: Path
    n_bytes: int
    operators: dict[str, int]
    config: ModelConfig


def export_tflite(
    network: "keras.Model",
    config: ModelConfig,
    path: str | Path,
    *,
    quantize: str | None = None,
    n_frames: int | None = None,
    training_data: str = NOT_STATED,
    licence: str = NOT_STATED,
) -> Exported:
    """Writes `network` as a `.tflite` with the signature `separate`.

    Input `waveform`, float32 `[1, chunk_length]`; outputs `masks`,
    `[1, n_bins, n_frames, K]`, and `[1, chunk_length]` per source name.

    Args:
        network: the mask network.
        config: of the network.
        path: must end in `.tflite`.
        quantize: None (float32), `float16`, or `int8` (weights of the convolutions).
        n_frames: frames of the window; that of training by default. Fewer frames
            mean lower latency.
        training_data: what the network was trained on, for the model card.
        licence: terms of the weights, for the model card.

    Raises:
        ExportError: when the network needs an operator that is not builtin, or
            cannot take such a window.
        ValueError: for another `quantize` or file ending.
    """
    path = Path(path)
    if path.suffix != ".tflite":
        raise ValueError(f"`path` must end in .tflite. Received: {path}")
    if quantize is not None and quantize not in SCHEMES:
        raise ValueError(
            f"`quantize` must be None or one of {', '.join(SCHEMES)}. "
            f"Received: quantize={quantize!r}"
        )
    config = with_frames(config, n_frames)
    model = flatbuffer.unpack(_convert(network, config))
    foreign = flatbuffer.foreign_operators(model)
    if foreign:
        raise ExportError(_foreign_message(foreign))
    if quantize:
        quantize_weights(model, quantize, keep=[dsp.analysis_matrix(config.stft)])
    card = model_card(
        network,
        config,
        artefact={"kind": "tflite", "weights": quantize or "float32"},
        training_data=training_data,
        licence=licence,
    )
    flatbuffer.add_metadata(model, CARD_NAME, card)
    data = flatbuffer.pack(model)
    counts = flatbuffer.operators(flatbuffer.unpack(data))
    with replacing(path) as part:
        part.write_bytes(data)
    return Exported(path, len(data), counts, config)


def with_frames(config: ModelConfig, n_frames: int | None) -> ModelConfig:
    """Returns `config` for windows of `n_frames` frames.

    Raises:
        ExportError: when the network cannot take such a window.
    """
    if n_frames is None:
        return config
    try:
        stft: STFTConfig = dataclasses.replace(config.stft, n_frames=n_frames)
        return dataclasses.replace(config, stft=stft)
    except ValueError as error:
        raise ExportError(
            f"The network cannot take windows of {n_frames} frames: {error}"
        ) from error


def _convert(network: "keras.Model", config: ModelConfig) -> bytes:
    """Runs TensorFlow's converter: weights frozen, batch 1, static shapes."""
    import tensorflow as tf

    from keras_munet.export.graph import separator_function

    waveform = tf.TensorSpec([1, config.stft.chunk_length], tf.float32, "waveform")
    module = tf.Module()
    function, module.weights = separator_function(network, config)
    module.separate = tf.function(function, input_signature=[waveform], autograph=False)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={SIGNATURE: module.separate})
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=[SIGNATURE]
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        try:
            data: bytes = converter.convert()
        except Exception as error:  # the converter's own class is private
            names = _needed(str(error))
            if not names:
                raise ExportError(f"The TFLite converter failed: {error}") from error
            raise ExportError(_foreign_message(names)) from error
    return data


def _needed(message: str) -> list[str]:
    """Finds the operators that the converter's message complains about."""
    return sorted(set(re.findall(r"'?tf\.(\w+)'? op is neither", message)))


def _foreign_message(names: list[str]) -> str:
    return (
        f"The network needs operators that are not builtin in TFLite: "
        f"{', '.join(names)}. Runtimes without Flex cannot load such a file, so none "
        "was written. Replace the layer that uses them."
    )
