"""From a data set to batches: `tf.data` over memory-mapped shards, or over files.

All records of a cache have one size, so each chunk can be read at once, wherever it
lies. An epoch is therefore shuffled as a whole, chunk by chunk, without a shuffle
buffer, and every source can come from a chunk of its own.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from keras_munet.data import records, tfio_graph
from keras_munet.data.augment import LEFT, MID, RIGHT, Plan, draw_plan
from keras_munet.data.dataset import Dataset
from keras_munet.data.shards import FULL_SCALE
from keras_munet.data.spectral import transform
from keras_munet.data.tfio import FileDataset
from keras_munet.errors import DataError

Int16 = NDArray[np.int16]


class _Reader:
    """Reads chunks of a split by number; pages are mapped, not held."""

    def __init__(self, dataset: Dataset, index: NDArray[np.int64]) -> None:
        self._dataset, self._index = dataset, index
        self._shape = dataset.record_shape

    def _record(self, row: int) -> Int16:
        """Returns a view of a chunk, `(channels, chunk_length, K + 1)`."""
        number, record = self._index[row]
        n_bytes = 2 * int(np.prod(self._shape))
        start = int(record) * (n_bytes + records.OVERHEAD) + records.HEADER
        raw = self._dataset.mapped(number)[start : start + n_bytes]
        chunk: Int16 = raw.view("<i2").reshape(self._shape)
        return chunk

    def read(self, rows: NDArray[np.int64], source_rows: NDArray[np.int64]) -> Int16:
        """Returns `(batch, channels, chunk_length, K + 1)`; sources as asked for."""
        chunks = np.empty((len(rows), *self._shape), np.int16)
        for place, row in enumerate(rows):
            chunks[place] = self._record(row)
            for k, source_row in enumerate(source_rows[place]):
                if source_row != row:
                    chunks[place, ..., k] = self._record(source_row)[..., k]
        return chunks

    def read_with_rest(
        self, rows: NDArray[np.int64], source_rows: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """Like `read`, but last is what the sources of a chunk leave of its mixture."""
        chunks = self.read(rows, source_rows).astype(np.int32)
        for place, row in enumerate(rows):
            own = self._record(row)
            rest = 2 * own[..., -1].astype(np.int32) - own.sum(axis=-1, dtype=np.int32)
            chunks[place, ..., -1] = rest
        return chunks


def chunks(
    dataset: Dataset,
    split: str,
    *,
    batch_size: int,
    epoch: int,
    seed: int,
    shuffle: bool,
    keep_silent: bool,
    augment: Collection[str] = (),
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Gives the batches of one epoch.

    The same (seed, epoch) gives the same batches, bit for bit. After any augmentation
    but `channels` the mixture is the sum of the new sources, plus what the sources
    left of the mixture where they do not cover it.

    Args:
        dataset: an open cache, or audio files (`tfio.open_files`).
        split: `train`, `valid` or `test`.
        batch_size: chunks per batch.
        epoch: number of the epoch, from 0.
        seed: of the run.
        shuffle: all chunks in a new order each epoch.
        keep_silent: also chunks in which a source is silent.
        augment: names of augmentations (see `augment.draw_plan`).
        drop_remainder: leave out a last batch that is not full.

    Returns:
        Elements float32 `(batch, chunk_length, K + 1)`: the K sources in order, the
        mixture last, in [-1, 1] when nothing is augmented.

    Raises:
        DataError: when the split has no chunk, fewer training chunks than a batch,
            or only the down-mix where `channels` is asked for.
    """
    index = dataset.chunk_index(split, keep_silent=keep_silent)
    _check(dataset, split, len(index), batch_size, keep_silent, augment)
    plan = draw_plan(
        len(index),
        len(dataset.sources),
        seed=seed,
        epoch=epoch,
        shuffle=shuffle,
        augment=augment,
    )
    options = tf.data.Options()
    options.deterministic = True
    rows = tf.data.Dataset.from_tensor_slices(_columns(dataset, plan))
    with_rest = not (plan.is_plain or dataset.covers_mixture)
    if isinstance(dataset, FileDataset):
        remix, full_scale = plan.is_remixed, 1.0
        read = tfio_graph.read(rows, dataset, index, remix=remix, with_rest=with_rest)
        read = read.batch(batch_size, drop_remainder=drop_remainder)
    else:
        full_scale = FULL_SCALE
        load = _mapped(dataset, index, with_rest=with_rest)
        read = rows.batch(batch_size, drop_remainder=drop_remainder)
        read = read.map(load, num_parallel_calls=2)
    rate = dataset.config.stft.sample_rate
    finish = _finisher(full_scale, plain=plan.is_plain, sample_rate=rate)
    return read.map(finish, num_parallel_calls=2).prefetch(2).with_options(options)


def _check(
    dataset: Dataset,
    split: str,
    n_chunks: int,
    batch_size: int,
    keep_silent: bool,
    augment: Collection[str],
) -> None:
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be positive. Received: {batch_size}")
    if not n_chunks:
        raise DataError(dataset.nothing_left(split, keep_silent=keep_silent))
    if split == "train" and batch_size > n_chunks:
        raise DataError(
            f"A batch of {batch_size} is larger than the {n_chunks} training chunks "
            f"in {dataset.folder}. Use --batch-size {n_chunks} or less, or more data."
        )
    if "channels" in augment and dataset.config.n_channels == 1:
        raise DataError(
            f"The augmentation `channels` needs left and right, and {dataset.folder} "
            "holds the down-mix only. Prepare again with --channels 2."
        )


def _columns(dataset: Dataset, plan: Plan) -> tuple[Any, ...]:
    """Where each chunk comes from and what is done to it, a row for each chunk.

    Speeds and equalisers are applied to each of the K + 1 signals that are read; all
    else is a linear map of these: gains on the diagonal, and the mixture as the sum of
    the new sources and the rest.
    """
    n, n_sources = plan.gains.shape
    pick = np.zeros((n, 2), np.float32)  # of left and right
    pick[plan.channels == LEFT] = 1, 0
    pick[plan.channels == RIGHT] = 0, 1
    pick[plan.channels == MID] = 0.5, 0.5
    maps = np.zeros((n, n_sources + 1, n_sources + 1), np.float32)
    diagonal = np.arange(n_sources)
    maps[:, diagonal, diagonal] = plan.gains
    maps[:, :-1, -1] = plan.gains
    maps[:, -1, -1] = 0.0 if dataset.covers_mixture else 1.0
    columns = plan.rows, plan.source_rows, pick, maps
    if not plan.is_spectral:
        return columns
    speeds = plan.speeds.copy()
    if dataset.covers_mixture:
        speeds[:, -1] = 1.0  # no rest: what is read there is not used
    return *columns, speeds, plan.band_gains


def _mapped(dataset: Dataset, index: NDArray[np.int64], *, with_rest: bool) -> Any:
    """Returns the function that reads a batch from the shards of a cache.

    The last signal is the mixture, or with `with_rest` what the sources leave of it.
    """
    reader, shape = _Reader(dataset, index), dataset.record_shape
    read: Any = reader.read_with_rest if with_rest else reader.read
    kind = tf.int32 if with_rest else tf.int16

    def load(
        rows: tf.Tensor, source_rows: tf.Tensor, *augmentation: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        raw = tf.numpy_function(read, [rows, source_rows], kind)
        raw.set_shape([rows.shape[0], *shape])
        return raw, *augmentation

    return load


def _finisher(full_scale: float, *, plain: bool, sample_rate: int) -> Any:
    """Returns the function that augments a batch as its columns say."""
    scale = np.float32(1 / full_scale)

    def finish(
        raw: tf.Tensor, pick: tf.Tensor, maps: tf.Tensor, *spectral: tf.Tensor
    ) -> tf.Tensor:
        signals = tf.cast(raw, tf.float32)  # (batch, channels, chunk_length, K + 1)
        if signals.shape[1] == 1:
            signals = signals[:, 0]
        else:
            signals = tf.reduce_sum(signals * pick[:, :, None, None], axis=1)
        if spectral:
            arguments = [signals, *spectral, sample_rate]
            changed = tf.numpy_function(transform, arguments, tf.float32)
            signals = tf.ensure_shape(changed, signals.shape)
        # (batch, chunk_length, K + 1)
        return signals * scale if plain else tf.matmul(signals, maps * scale)

    return finish
