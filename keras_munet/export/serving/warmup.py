"""Warm-up requests: what a fresh server runs before it takes traffic."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from keras_munet.config import ModelConfig
from keras_munet.export.windows import Windows
from keras_munet.extras import advising

FILE = Path("assets.extra") / "tf_serving_warmup_requests"
"""Where TF Serving looks, inside a version folder."""


def example_inputs(config: ModelConfig) -> dict[str, dict[str, Any]]:
    """Returns small inputs of every signature: quiet noise, seeded."""
    stft = config.stft
    windows = Windows.of(stft)
    noise = np.random.default_rng(0).normal(0, 0.1, windows.length + windows.step)
    song = noise[None].astype(np.float32)
    chunk = song[:, : windows.length]
    wav = tf.audio.encode_wav(chunk.T, stft.sample_rate).numpy()
    return {
        "serving_default": {"waveform": chunk},
        "separate_chunk": {"waveform": chunk},
        "separate": {"waveform": song},
        "separate_wav": {"wav_bytes": np.array([wav], object)},
        "masks": {"waveform": chunk},
        "model_card": {"row": np.zeros(1, np.int32)},
    }


def write_warmup(
    folder: Path, config: ModelConfig, name: str, signatures: Sequence[str]
) -> None:
    """Writes one request per signature into a SavedModel folder.

    Args:
        folder: the SavedModel.
        config: of the model.
        name: what the model is called on the server.
        signatures: those that the SavedModel has.

    Raises:
        MissingExtraError: when `tensorflow-serving-api` is not installed.
    """
    with advising("serving"):
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    inputs = example_inputs(config)
    file = folder / FILE
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for signature in signatures:
            request = predict_pb2.PredictRequest()
            request.model_spec.name = name
            request.model_spec.signature_name = signature
            for key, value in inputs[signature].items():
                request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
            log = prediction_log_pb2.PredictionLog(
                predict_log=prediction_log_pb2.PredictLog(request=request)
            )
            writer.write(log.SerializeToString())
