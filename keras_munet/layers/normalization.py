"""Batch normalisation in one kernel, for the time of training."""

from typing import Any

import keras

CHANNELS = 16
"""Of whose multiples oneDNN has a quick kernel in bfloat16; for others float32 is."""


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer over the last axis, with TensorFlow's fused kernel in training.

    Keras composes a training step of some dozen operations that each read the whole
    activation, in float32 also in mixed precision (`benchmarks/training_step.py
    --normalization`). Results, gradients and moving statistics are the same to
    rounding. Inference, and inputs that are not `(batch, rows, frames, channels)`, are
    Keras's.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalises `inputs`, `(batch, rows, frames, channels)`."""
        if not training or not self.trainable or len(inputs.shape) != 4:
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        none = tf.zeros((0,))
        is_slow = inputs.dtype == tf.bfloat16 and inputs.shape[-1] % CHANNELS
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=tf.cast(inputs, tf.float32) if is_slow else inputs,
            scale=self.gamma,
            offset=self.beta,
            mean=none,
            variance=none,
            epsilon=self.epsilon,
            exponential_avg_factor=1.0,
            is_training=True,
        )
        # The kernel divides by n - 1, Keras by n.
        n = tf.cast(tf.reduce_prod(tf.shape(inputs)[:-1]), variance.dtype)
        variance *= (n - 1) / n
        keep = self.momentum
        self.moving_mean.assign(self.moving_mean * keep + mean * (1 - keep))
        self.moving_variance.assign(self.moving_variance * keep + variance * (1 - keep))
        return tf.cast(outputs, inputs.dtype)


def with_fused_normalization(network: keras.Model) -> keras.Model:
    """Returns a copy of a functional network that normalises with the fused kernel.

    The copy is for training only: files hold Keras's own layers, see `in_float32`.
    Other backends than TensorFlow fuse by themselves and get the network as it is.
    """
    if keras.backend.backend() != "tensorflow":
        return network

    def copied(layer: keras.layers.Layer) -> keras.layers.Layer:
        plain = type(layer) is keras.layers.BatchNormalization
        kind = FusedBatchNormalization if plain else type(layer)
        return kind.from_config(layer.get_config())

    copy = keras.models.clone_model(network, clone_function=copied)
    copy.set_weights(network.get_weights())
    return copy
