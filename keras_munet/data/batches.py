"""Training batches from a cache: what `training.loop.fit` asks of its data."""

import math

import tensorflow as tf

from keras_munet.config import FitConfig, ModelConfig
from keras_munet.data.cache import Dataset
from keras_munet.data.pipeline import chunks


class CachedBatches:
    """The batches of one run, of whatever architecture.

    Args:
        dataset: an open cache.
        config: of the run; its sources must be among the cache's.

    Attributes:
        energies: E_i over the chunks that are trained on.
        n_training: number of those chunks.
        steps_per_epoch: batches of a training epoch, all passes over the data.
    """

    def __init__(self, dataset: Dataset, config: FitConfig) -> None:
        self.dataset = dataset
        silent = config.keep_silent
        self.energies = dataset.energies if silent else dataset.energies_without_silent
        self.n_training = dataset.n_chunks("train", keep_silent=silent)
        n_batches = math.ceil(self.n_training / config.batch_size)
        self.steps_per_epoch = n_batches * config.model.n_passes
        names = [*dataset.sources, "mixture"]
        self.columns = [names.index(n) for n in (*config.model.sources, "mixture")]

    def batches(self, split: str, *, epoch: int, config: FitConfig) -> tf.data.Dataset:
        """Returns waveforms `(batch, chunk_length, K + 1)`, mixture last.

        Training batches of a C-U-Net are pairs (waveforms, conditions). Validation
        keeps its order, and chunks with a silent source (paper, IV-A).
        """
        training = split == "train"
        batches = chunks(
            self.dataset,
            split,
            batch_size=config.batch_size,
            epoch=epoch,
            seed=config.seed,
            shuffle=training,
            keep_silent=config.keep_silent or not training,
            augment=config.augment if training else (),
        )
        if self.columns != list(range(len(self.columns))):
            batches = batches.map(lambda x: tf.gather(x, self.columns, axis=-1))
        if training and config.model.unet.architecture == "cunet":
            return conditioned(batches, config.model, self.steps_per_epoch)
        return batches.prefetch(1)


def conditioned(
    batches: tf.data.Dataset, config: ModelConfig, n_batches: int
) -> tf.data.Dataset:
    """Gives every batch K + 2 times, every example once under each condition.

    The conditions are the K one-hots, all ones and all zeros; a batch holds all of
    them in turn, and a pass shifts them by one. `n_batches` is what comes out.
    """
    n_sources, n_conditions = len(config.sources), config.n_passes
    conditions = tf.concat(
        [tf.eye(n_sources), tf.ones((1, n_sources)), tf.zeros((1, n_sources))], axis=0
    )

    def passes(waveforms: tf.Tensor) -> tf.data.Dataset:
        examples = tf.range(tf.shape(waveforms)[0])
        shifts = tf.data.Dataset.range(n_conditions, output_type=tf.int32)
        return shifts.map(
            lambda shift: (
                waveforms,
                tf.gather(conditions, (examples + shift) % n_conditions),
            )
        )

    pairs = batches.flat_map(passes).prefetch(1)
    return pairs.apply(tf.data.experimental.assert_cardinality(n_batches))
