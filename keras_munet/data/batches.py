"""Training batches from a cache: what `training.loop.fit` asks of its data."""

from typing import Any

import keras

from keras_munet.config import FitConfig
from keras_munet.data.dataset import Dataset
from keras_munet.data.mixing import energies
from keras_munet.data.reader import ChunkBatches, Conditioned


class CachedBatches:
    """The batches of one run, of whatever architecture.

    A subclass that makes batches elsewhere gives its own `epoch`.

    Args:
        dataset: an open cache.
        config: of the run; its sources are the cache's, or sums of these.

    Attributes:
        energies: E_i over the chunks that are trained on.
        n_training: number of those chunks.
        steps_per_epoch: batches of a training epoch, all passes over the data.
    """

    only_full = False
    """Whether training leaves out a last batch that is not full."""

    def __init__(self, dataset: Dataset, config: FitConfig) -> None:
        self.dataset = dataset
        silent, sources = config.keep_silent, config.model.sources
        self.energies = energies(dataset, sources, keep_silent=silent)
        self.n_training = dataset.n_chunks("train", keep_silent=silent)
        n, size = self.n_training, config.batch_size
        n_batches = n // size if self.only_full else -(-n // size)
        self.steps_per_epoch = n_batches * config.model.n_passes

    def batches(self, split: str, *, epoch: int, config: FitConfig) -> Any:
        """Returns waveforms `(batch, chunk_length, K + 1)`, mixture last.

        Training batches of a C-U-Net are pairs (waveforms, conditions). Validation
        keeps its order, and chunks with a silent source (paper, IV-A). It is a
        `tf.data.Dataset` for TensorFlow, and needs none for another backend.
        """
        training = split == "train"
        batches = self.epoch(
            split,
            batch_size=config.batch_size,
            epoch=epoch,
            seed=config.seed,
            shuffle=training,
            keep_silent=config.keep_silent or not training,
            augment=config.augment if training else (),
            drop_remainder=training and self.only_full,
            sources=config.model.sources,
        )
        if training and config.model.n_passes > 1:
            return _for_backend(Conditioned(batches, len(config.model.sources)))
        return _for_backend(batches)

    def epoch(self, split: str, **settings: Any) -> ChunkBatches:
        """Makes the batches of an epoch; the settings are those of `ChunkBatches`."""
        return ChunkBatches(self.dataset, split, **settings)


def _for_backend(batches: ChunkBatches | Conditioned) -> Any:
    """Returns batches as TensorFlow or another backend takes them."""
    if keras.backend.backend() != "tensorflow":
        return batches
    from keras_munet.data.pipeline import as_dataset

    return as_dataset(batches)
