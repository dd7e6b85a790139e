"""The weighted multi-task loss around a mask network, for every backend of Keras."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_munet.config import ModelConfig
from keras_munet.models.build import source_masks
from keras_munet.models.separator import FrontEnd, log_features
from keras_munet.training.losses import SourceLoss
from keras_munet.training.step import OwnStep
from keras_munet.training.weighting import Weighting

Means = dict[str, keras.metrics.Mean]


class MultiTaskModel(OwnStep, keras.Model):
    """Trains a mask network on waveforms with eq. (1): the sum of w_i L_i.

    Batches are waveforms `(batch, samples, K + 1)`, the K sources in order and the
    mixture last; spectrograms are made here, on the accelerator. `compute_loss` is all
    of the loss, weighting and running means included, so that Keras's own steps do;
    TensorFlow's training step is written out in `step`.

    Args:
        network: features -> masks, built by `build_network`.
        config: of the network.
        source_loss: (masks, sources, mixture) -> losses `(n_tasks,)`.
        weighting: sources' waveforms -> weights `(n_tasks,)`.

    Reference:
        Kadandale et al. 2020, eq. (1).
    """

    def __init__(
        self,
        network: keras.Model,
        config: ModelConfig,
        *,
        source_loss: SourceLoss,
        weighting: Weighting,
    ) -> None:
        # Of half precision or not, waveforms stay float32.
        super().__init__(name=network.name, dtype="float32")
        self.network, self.munet_config = network, config
        self.front_end = FrontEnd(config.stft)
        self.front_end(keras.Input((config.stft.chunk_length, 2)))
        self.source_loss, self.weighting = source_loss, weighting
        self.loss_weights = weighting.variable  # known to Keras, or JAX sees a constant
        tasks = self.task_names(config)
        self.loss_means = _means("loss", dict.fromkeys((*tasks, *config.sources)))
        self.weight_means = _means("weight", tasks)
        self.mask_means = _means("mask", config.sources)
        self.built = True  # all of it: Keras need not try with a batch

    @staticmethod
    def task_names(config: ModelConfig) -> tuple[str, ...]:
        """Names of the losses that are weighted in training: the sources."""
        return config.sources

    def result_names(self, *, training: bool) -> list[str]:
        """Names of the running means that a training or a validation step moves."""
        names = self.munet_config.sources
        if not training:
            return ["loss", *_names("loss", names), *_names("mask", names)]
        names = self.task_names(self.munet_config)
        return ["loss", *_names("loss", names), *_names("weight", names)]

    def call(self, waveforms: Any, training: bool = False) -> dict[str, Any]:
        """Returns `masks` of all sources and `magnitudes`, those of the mixture last.

        Both are `(batch, rows, frames, ...)`. JAX's step goes round `__call__`, which
        would tell the network by itself that this is training.
        """
        magnitudes = self.front_end(waveforms)
        features = log_features(magnitudes[..., -1:], self.munet_config)
        if training:
            masks = self.network(features, training=True)
        else:
            masks = source_masks(self.network, features, self.munet_config)
        return {"masks": masks, "magnitudes": magnitudes}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Returns the weighted sum of the losses, or in validation their plain sum."""
        masks, magnitudes = y_pred["masks"], y_pred["magnitudes"]
        losses = self.source_loss(masks, magnitudes[..., :-1], magnitudes[..., -1:])
        n_examples = ops.shape(masks)[0]

        def note(means: Means, names: Sequence[str], values: Any) -> None:
            for index, name in enumerate(names):
                means[name].update_state(values[index], sample_weight=n_examples)

        if not training:
            note(self.loss_means, self.munet_config.sources, losses)
            averages = ops.mean(masks, axis=(0, 1, 2))
            note(self.mask_means, self.munet_config.sources, averages)
            return ops.sum(losses)
        tasks = self.task_names(self.munet_config)
        weights = self.weighting(self.source_waveforms(x))
        note(self.loss_means, tasks, losses)
        note(self.weight_means, tasks, weights)
        return ops.sum(weights * losses)

    @staticmethod
    def source_waveforms(x: Any) -> Any:
        """Returns the sources of a training batch, `(batch, samples, K)`."""
        return x[..., :-1]


class ConditionedModel(MultiTaskModel):
    """The C-U-Net's training: one task, whose target the condition chooses.

    Batches for training are `(waveforms, conditions)`: every example comes K + 2
    times, with the K one-hot conditions, all ones and all zeros. The target is the
    conditions' sum of the sources; of all zeros it is silence. Validation takes
    waveforms alone and runs the K one-hot conditions.
    """

    @staticmethod
    def task_names(config: ModelConfig) -> tuple[str, ...]:
        """Names of the losses that are weighted in training: one."""
        return ("chosen",)

    @staticmethod
    def source_waveforms(x: Any) -> Any:
        """Returns the sources of a training batch, `(batch, samples, K)`."""
        return x[0][..., :-1]

    def call(self, x: Any, training: bool = False) -> dict[str, Any]:
        """Returns masks and magnitudes; in training those of what is chosen."""
        if not training:
            return super().call(x)
        waveforms, conditions = x
        chosen = ops.sum(waveforms[..., :-1] * conditions[:, None, :], -1)
        pair = ops.stack([chosen, waveforms[..., -1]], axis=-1)
        magnitudes = self.front_end(pair)
        features = log_features(magnitudes[..., -1:], self.munet_config)
        return {
            "masks": self.network([features, conditions], training=True),
            "magnitudes": magnitudes,
        }


def _names(kind: str, names: Sequence[str]) -> list[str]:
    return [f"{kind}_{name}" for name in names]


def _means(kind: str, names: Any) -> Means:
    return {name: keras.metrics.Mean(name=f"{kind}_{name}") for name in names}
