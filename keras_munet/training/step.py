"""The steps, written out for TensorFlow; on another backend Keras's own serve."""

from typing import Any

import keras


class _TensorFlowStep:
    """Forward, loss, gradients, apply: what Keras does around `compute_loss`."""

    def train_step(self: Any, data: Any) -> dict[str, Any]:
        """Takes one step and returns the running means."""
        import tensorflow as tf

        x, *_ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            outputs = self(x, training=True)
            loss = self.compute_loss(x, y_pred=outputs, training=True)
            scaled_loss = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled_loss, self.trainable_weights)
        self.optimizer.apply_gradients(
            zip(gradients, self.trainable_weights, strict=True)
        )
        return self._noted(loss, outputs)  # type: ignore[no-any-return]

    def test_step(self: Any, data: Any) -> dict[str, Any]:
        """Validates on one batch and returns the running means."""
        x, *_ = keras.utils.unpack_x_y_sample_weight(data)
        outputs = self(x, training=False)
        loss = self.compute_loss(x, y_pred=outputs, training=False)
        return self._noted(loss, outputs)  # type: ignore[no-any-return]

    def _noted(self: Any, loss: Any, outputs: Any) -> dict[str, Any]:
        n_examples = keras.ops.shape(outputs["masks"])[0]
        self._loss_tracker.update_state(loss, sample_weight=n_examples)
        return {mean.name: mean.result() for mean in self.metrics}


class _KerasStep:
    """Nothing to add."""


OwnStep: Any = (
    _TensorFlowStep if keras.backend.backend() == "tensorflow" else _KerasStep
)
