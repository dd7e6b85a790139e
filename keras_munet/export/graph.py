"""One waveform graph for every artefact, without Keras in it.

The front end is the one of training (`models.separator_model`). DFT and warp matrices
are constants; weights are plain variables that nothing updates. (The TFLite converter
freezes them and folds BatchNorm into the convolutions. Frozen before, the paper's
network took 17 GB to save and 12 GB to convert instead of 6, for the same result.)
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_munet.config import ModelConfig
from keras_munet.export.windows import Windows
from keras_munet.models import separator_model
from keras_munet.models.precision import in_float32

Tensors = dict[str, Any]
"""Tensors by output name: `masks`, and one waveform per source."""


def separator_function(
    network: keras.Model, config: ModelConfig
) -> tuple[Callable[[Any], Tensors], list[tf.Variable]]:
    """Returns `separator_model` as a function to trace, and its weights.

    Args:
        network: of any architecture.
        config: of the network.

    Returns:
        `waveform` `(batch, chunk_length)` -> `masks`
        `(batch, n_bins, n_frames, K)` and `(batch, chunk_length)` per source; and
        the network's own variables, for the module that holds the function.
    """
    model = separator_model(in_float32(network, config), config)

    def separate(waveform: Any) -> Tensors:
        outputs = model(waveform, training=False)
        names = ("masks", *config.sources)
        return {name: tf.identity(outputs[name], name=name) for name in names}

    return separate, [variable.value for variable in model.weights]


class SeparatorGraph(tf.Module):
    """The signatures of a SavedModel, around one traced separator.

    Each signature calls the same function of the graph's library.

    Args:
        network: of any architecture.
        config: of the network.
        card: the model card's JSON text, which the signature `model_card` gives.
    """

    def __init__(self, network: keras.Model, config: ModelConfig, card: str) -> None:
        super().__init__(name="separator")
        self._card = card
        self._sources = config.sources
        self._rate = config.stft.sample_rate
        self._windows = Windows.of(config.stft)
        chunk = tf.TensorSpec([None, config.stft.chunk_length], tf.float32, "waveform")
        song = tf.TensorSpec([None, None], tf.float32, "waveform")
        files = tf.TensorSpec([None], tf.string, "wav_bytes")
        rows = tf.TensorSpec([None], tf.int32, "row")
        function, self.weights = separator_function(network, config)
        self._core = tf.function(function, input_signature=[chunk], autograph=False)
        self.functions = {
            name: tf.function(method, input_signature=[spec], autograph=False)
            for name, method, spec in (
                ("separate_chunk", self._separate_chunk, chunk),
                ("masks", self._masks, chunk),
                ("separate", self._separate, song),
                ("separate_wav", self._separate_wav, files),
                ("model_card", self._model_card, rows),
            )
        }

    def _separate_chunk(self, waveform: Any) -> Tensors:
        outputs = self._core(waveform)
        return {source: outputs[source] for source in self._sources}

    def _masks(self, waveform: Any) -> Tensors:
        return {"masks": self._core(waveform)["masks"]}

    def _model_card(self, row: Any) -> Tensors:
        """Gives the card once per row: a server knows no other kind of question."""
        return {"model_card": tf.fill(tf.shape(row), self._card)}

    def _separate(self, waveform: Any) -> Tensors:
        estimates = tf.unstack(self._join(waveform), num=len(self._sources))
        return {
            source: tf.identity(estimate, name=source)
            for source, estimate in zip(self._sources, estimates, strict=True)
        }

    def _join(self, waveform: Any) -> Any:
        """Separates `(batch, n)` to `(K, batch, n)`, one window after the other."""
        windows = self._windows
        message = "`waveform` holds NaN or infinite values"
        waveform = tf.debugging.check_numerics(waveform, message)
        batch, n_samples = tf.unstack(tf.shape(waveform))
        n_windows = tf.maximum(1, -(-(n_samples - windows.overlap) // windows.step))
        covered = n_windows * windows.step + windows.overlap
        padded = tf.pad(waveform, [[0, 0], [0, covered - n_samples]])
        rise = tf.constant(windows.rise())

        def step(index: Any, tail: Any, pieces: Any) -> tuple[Any, Any, Any]:
            start = index * windows.step
            window = padded[:, start : start + windows.length]
            outputs = self._core(tf.ensure_shape(window, [None, windows.length]))
            new = tf.stack([outputs[source] for source in self._sources])
            head = new[..., : windows.overlap]
            faded = tf.where(index > 0, tail + rise * (head - tail), head)
            middle = new[..., windows.overlap : windows.step]
            pieces = pieces.write(index, tf.concat([faded, middle], axis=-1))
            return index + 1, new[..., windows.step :], pieces

        n_sources = len(self._sources)
        tail = tf.zeros([n_sources, batch, windows.overlap])
        pieces = tf.TensorArray(
            tf.float32, n_windows, element_shape=[n_sources, None, windows.step]
        )
        _, tail, pieces = tf.while_loop(
            lambda index, *_: index < n_windows,
            step,
            (0, tail, pieces),
            shape_invariants=(
                tf.TensorShape([]),
                tf.TensorShape([n_sources, None, windows.overlap]),
                tf.TensorShape(None),
            ),
            parallel_iterations=1,
        )
        joined = tf.transpose(pieces.stack(), [1, 2, 0, 3])  # (K, batch, windows, step)
        joined = tf.reshape(joined, [n_sources, batch, n_windows * windows.step])
        return tf.concat([joined, tail], axis=-1)[..., :n_samples]

    def _separate_wav(self, wav_bytes: Any) -> Tensors:
        def one(data: Any) -> Any:
            audio, rate = tf.audio.decode_wav(data)  # (n, channels)
            check = tf.debugging.Assert(
                tf.equal(rate, self._rate),
                [f"the wav's sample rate must be {self._rate} Hz; received:", rate],
            )
            with tf.control_dependencies([check]):
                mono = tf.reduce_mean(audio, axis=1)
            estimates = self._join(mono[tf.newaxis])[:, 0, :, tf.newaxis]
            encoded = [
                tf.audio.encode_wav(estimate, self._rate)
                for estimate in tf.unstack(estimates, num=len(self._sources))
            ]
            return tf.stack(encoded)

        spec = tf.TensorSpec([len(self._sources)], tf.string)
        encoded = tf.map_fn(
            one, wav_bytes, parallel_iterations=1, fn_output_signature=spec
        )
        return {
            f"{source}_bytes": encoded[:, index]
            for index, source in enumerate(self._sources)
        }
