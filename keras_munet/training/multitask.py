"""The functional U-Net with a train step for the weighted multi-task loss."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from keras_munet.config import ModelConfig
from keras_munet.models.build import source_masks
from keras_munet.models.separator import FrontEnd, log_features
from keras_munet.training.losses import SourceLoss
from keras_munet.training.weighting import Weighting


class MultiTaskModel(keras.Model):
    """A mask network that trains on waveforms with eq. (1): sum of w_i L_i.

    Built like any functional model, `MultiTaskModel(inputs, outputs)`; `compile`
    takes the parts of the loss. Batches are waveforms `(batch, samples, K + 1)`,
    the K sources in order and the mixture last; spectrograms are made here, on the
    accelerator.

    Reference:
        Kadandale et al. 2020, eq. (1).
    """

    def compile_multitask(
        self,
        optimizer: keras.optimizers.Optimizer,
        *,
        config: ModelConfig,
        front_end: FrontEnd,
        source_loss: SourceLoss,
        weighting: Weighting,
        jit: bool = False,
    ) -> None:
        """Prepares training.

        Args:
            optimizer: any Keras optimizer.
            config: `ModelConfig` of the network.
            front_end: waveforms -> warped magnitudes.
            source_loss: (masks, sources, mixture) -> losses `(n_losses,)`.
            weighting: sources' waveforms -> weights `(n_losses,)`.
            jit: compile the steps with XLA.
        """
        self.compile(optimizer=optimizer, jit_compile=jit)
        self.munet_config = config
        self.front_end = front_end
        self.source_loss = source_loss
        self.weighting = weighting
        sources, tasks = config.sources, self.task_names(config)
        self.task_means = [keras.metrics.Mean(name=f"loss_{n}") for n in tasks]
        self.weight_means = [keras.metrics.Mean(name=f"weight_{n}") for n in tasks]
        self.source_means = [keras.metrics.Mean(name=f"loss_{n}") for n in sources]
        self.mask_means = [keras.metrics.Mean(name=f"mask_{n}") for n in sources]

    @staticmethod
    def task_names(config: ModelConfig) -> Sequence[str]:
        """Names of the losses that are weighted in training: the sources."""
        return config.sources

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step: forward, per-source losses, weighting, gradients, apply."""
        inputs, sources, mixture = self.training_example(data)
        with tf.GradientTape() as tape:
            masks = self(inputs, training=True)
            losses = self.source_loss(masks, sources, mixture)
            weights = self.weighting(self.source_waveforms(data))
            loss = ops.sum(weights * losses)
            scaled_loss = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled_loss, self.trainable_weights)
        self.optimizer.apply_gradients(
            zip(gradients, self.trainable_weights, strict=True)
        )
        n_examples = ops.shape(mixture)[0]
        self._loss_tracker.update_state(loss, sample_weight=n_examples)
        self._update(self.task_means, losses, n_examples)
        self._update(self.weight_means, weights, n_examples)
        return self._results(self.task_means, self.weight_means)

    def test_step(self, data: Any) -> dict[str, Any]:
        """One validation step: unweighted losses and mean masks, per source."""
        sources, mixture = self._magnitudes(data)
        features = log_features(mixture, self.munet_config)
        masks = source_masks(self, features, self.munet_config)
        losses = self.source_loss(masks, sources, mixture)
        n_examples = ops.shape(mixture)[0]
        self._loss_tracker.update_state(ops.sum(losses), sample_weight=n_examples)
        self._update(self.source_means, losses, n_examples)
        self._update(self.mask_means, ops.mean(masks, axis=(0, 1, 2)), n_examples)
        return self._results(self.source_means, self.mask_means)

    @staticmethod
    def source_waveforms(data: Any) -> Any:
        """Returns the sources of a batch, `(batch, samples, K)`."""
        return data[..., :-1]

    def training_example(self, waveforms: Any) -> tuple[Any, Any, Any]:
        """Returns the network's inputs, the targets and the mixture's magnitudes."""
        sources, mixture = self._magnitudes(waveforms)
        return log_features(mixture, self.munet_config), sources, mixture

    def _magnitudes(self, waveforms: Any) -> tuple[Any, Any]:
        magnitudes = self.front_end(waveforms)
        return magnitudes[..., :-1], magnitudes[..., -1:]

    def _update(
        self, means: list[keras.metrics.Mean], values: Any, n_examples: Any
    ) -> None:
        for index, mean in enumerate(means):
            mean.update_state(values[index], sample_weight=n_examples)

    def _results(self, *groups: list[keras.metrics.Mean]) -> dict[str, Any]:
        means = [self._loss_tracker, *(mean for group in groups for mean in group)]
        return {mean.name: mean.result() for mean in means}

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """All running means, which Keras resets at each epoch."""
        groups = (
            self.task_means,
            self.weight_means,
            self.source_means,
            self.mask_means,
        )
        return [self._loss_tracker, *(mean for group in groups for mean in group)]


class ConditionedModel(MultiTaskModel):
    """The C-U-Net's training: one task, whose target the condition chooses.

    Batches for training are `(waveforms, conditions)`: every example comes K + 2
    times, with the K one-hot conditions, all ones and all zeros. The target is the
    conditions' sum of the sources; of all zeros it is silence. Validation takes
    waveforms alone and runs the K one-hot conditions.
    """

    @staticmethod
    def task_names(config: ModelConfig) -> Sequence[str]:
        """Names of the losses that are weighted in training: one."""
        return ("chosen",)

    @staticmethod
    def source_waveforms(data: Any) -> Any:
        """Returns the sources of a batch, `(batch, samples, K)`."""
        return data[0][..., :-1]

    def training_example(self, data: Any) -> tuple[Any, Any, Any]:
        """Returns (features, condition), the chosen sum, the mixture."""
        waveforms, conditions = data
        chosen = ops.sum(waveforms[..., :-1] * conditions[:, None, :], -1)
        pair = ops.stack([chosen, waveforms[..., -1]], axis=-1)
        magnitudes = self.front_end(pair)
        target, mixture = magnitudes[..., :1], magnitudes[..., 1:]
        return [log_features(mixture, self.munet_config), conditions], target, mixture
