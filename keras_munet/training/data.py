"""What training needs of its data, whatever they come from and on which backend."""

from collections.abc import Iterator
from typing import Any, Protocol

from keras_munet.config import FitConfig


class Batches(Protocol):
    """The batches of one epoch: sized, and the same each time they are gone through.

    Under TensorFlow a `tf.data.Dataset` of known length; elsewhere whatever gives
    NumPy or JAX arrays. A batch is float32 `(batch, chunk_length, K + 1)`, waveforms:
    the K sources of the config in its order, the mixture last. Training batches of a
    C-U-Net are pairs, waveforms and conditions `(batch, K)`. Only the last batch of an
    epoch may be smaller.
    """

    def __len__(self) -> int:
        """Number of batches."""

    def __iter__(self) -> Iterator[Any]:
        """Goes through the batches from the first one."""


class TrainingData(Protocol):
    """The batches of a run and what its weighting must know of them.

    Attributes:
        energies: E_i of each source over the training chunks (`dsp.energy`).
        n_training: number of these chunks.
        steps_per_epoch: length of `batches("train", ...)`; an epoch may go through
            the chunks several times (a C-U-Net's does).
    """

    energies: dict[str, float]
    n_training: int
    steps_per_epoch: int

    def batches(self, split: str, *, epoch: int, config: FitConfig) -> Batches:
        """Returns the batches of an epoch, always the same for the same arguments.

        Args:
            split: `train` or `valid`; the latter is in order and never augmented.
            epoch: number of the epoch, from 0, which order and augmentation follow.
            config: of the run.

        Raises:
            DataError: when there is none.
        """
