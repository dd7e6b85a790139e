"""TensorBoard: curves of every epoch, spectrograms and sound of the estimates."""

import logging
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np

from keras_munet import dsp
from keras_munet.config import ModelConfig
from keras_munet.models.separator import separator_model

log = logging.getLogger(__name__)

EXAMPLE_PERIOD = 5
"""Epochs between two sets of pictures and sounds."""


def _picture(magnitudes: np.ndarray) -> np.ndarray:
    """(bins, frames) -> grey (1, bins, frames, 1), 80 dB deep, low notes down."""
    level = 20 * np.log10(np.maximum(magnitudes, 1e-6))
    grey = np.clip((level - level.max() + 80) / 80, 0, 1)
    picture: np.ndarray = grey[None, ::-1, :, None]
    return picture


def _can_write() -> bool:
    """Tells whether there are TensorFlow and tensorboard, which it does not bring."""
    if keras.backend.backend() != "tensorflow":
        return False
    try:
        import tensorboard.summary.v2  # noqa: F401
    except ImportError as error:
        log.warning(
            "No curves for TensorBoard (%s): pip install 'keras-munet[tensorboard]' "
            "for them. history.csv has the same numbers.",
            error,
        )
        return False
    return True


def _writer(folder: Path) -> Any:
    import tensorflow as tf

    return tf.summary.create_file_writer(str(folder))


class Summaries:
    """Writes the scalars of every epoch, and now and then an example to look at.

    TensorFlow writes them: on another backend there are none. Without the package
    `tensorboard` nothing is written, and one line is logged. Use it in a `with` block,
    which ends the event file however it is left.

    Args:
        folder: of the event files.
        config: of the network.
        example: one validation chunk, waveforms `(chunk_length, K + 1)`, or None.
    """

    def __init__(
        self, folder: Path, config: ModelConfig, example: np.ndarray | None
    ) -> None:
        self.writer = _writer(folder) if _can_write() else None
        self.config = config
        self.example = example

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.writer is not None:
            self.writer.close()

    def write(self, network: keras.Model, row: dict[str, Any]) -> None:
        """Writes an epoch's row, with pictures and sounds every few epochs."""
        if self.writer is None:
            return
        import tensorflow as tf

        epoch = int(row["epoch"])
        with self.writer.as_default(step=epoch):
            for name, value in row.items():
                if name != "epoch":
                    tf.summary.scalar(name, value)
            if self.example is not None and (epoch - 1) % EXAMPLE_PERIOD == 0:
                self._write_example(network)
        self.writer.flush()

    def _write_example(self, network: keras.Model) -> None:
        import tensorflow as tf

        mixture = self.example[:, -1]  # type: ignore[index]
        outputs = separator_model(network, self.config)(mixture[None], training=False)
        stft = self.config.stft
        sounds = {"mixture": mixture}
        for source in self.config.sources:
            sounds[source] = np.asarray(outputs[source])[0]
        for name, sound in sounds.items():
            tf.summary.audio(
                f"sound/{name}", sound[None, :, None], sample_rate=stft.sample_rate
            )
            spectrum = dsp.stft(sound, n_fft=stft.n_fft, hop_length=stft.hop_length)
            tf.summary.image(f"spectrogram/{name}", _picture(np.abs(spectrum)))
