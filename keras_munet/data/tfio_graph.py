"""Reading chunks of wav and flac files in the graph.

A piece is read around each chunk, the stems are added up at their own rate, and the
sum is resampled, so that chunk k is what a resampled track has there.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from keras_munet.data.tfio import FileDataset
from keras_munet.data.tfio_files import Window, at, resample, segment, tables_of


def read(
    rows: tf.data.Dataset,
    dataset: FileDataset,
    index: NDArray[np.int64],
    *,
    remix: bool,
    with_rest: bool,
) -> tf.data.Dataset:
    """Reads chunks in the graph.

    Files are read one after another, because the operator keeps its open file under
    a fixed name; resampling, which takes the time, runs in parallel.

    Args:
        rows: elements (row, source rows `(K,)`, and anything that is passed on).
        dataset: the files.
        index: rows of (track, chunk), as `Dataset.chunk_index` gives them.
        remix: read each source from the row that is asked for it.
        with_rest: last comes what the sources leave of the mixture, instead of it.

    Returns:
        Elements float32 `(channels, chunk_length, K + 1)`, full scale at 1, and what
        is passed on.
    """
    chunks = _Chunks(dataset, index, with_rest=with_rest)

    def read_files(row: tf.Tensor, source_rows: tf.Tensor, *rest: tf.Tensor) -> Any:
        if not remix:
            return chunks.read_row(row), *rest
        return chunks.read_each(tf.concat([source_rows, [row]], axis=0)), *rest

    def finish(read: Any, *rest: tf.Tensor) -> Any:
        return chunks.resample(*read), *rest

    parallel = tf.data.AUTOTUNE
    return rows.map(read_files).map(finish, num_parallel_calls=parallel)


class _Chunks:
    """Reads and resamples chunks; what is read is (audio, branch, offset).

    `audio` is `(K + 1, n_most, channels)` at the rate of the file, `branch` says
    which rate that is, and `offset` where the chunk begins after resampling; both
    `(K + 1,)`.
    """

    def __init__(
        self, dataset: FileDataset, index: NDArray[np.int64], *, with_rest: bool
    ) -> None:
        self._n_channels, self._length, self._n_signals = dataset.record_shape
        self._tables = tables = tables_of(dataset, with_rest=with_rest)
        self._places = tf.constant(index)
        self._rate_out = dataset.config.stft.sample_rate
        self._rates = np.unique(tables.rates).tolist()
        self._windows = [
            Window.of(r, self._rate_out, self._length) for r in self._rates
        ]
        self._n_most = max(window.n_in for window in self._windows)

    def read_row(self, row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Reads all signals of one chunk."""
        place = self._places[row]
        gains = at(self._tables.gains, place[0])
        audio, branch, offset = self._read(place, gains)
        times = [self._n_signals]
        return tf.transpose(audio, (2, 0, 1)), *(
            tf.repeat(value, times) for value in (branch, offset)
        )

    def read_each(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Reads signal k from the k-th row."""

        def signal(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            place = self._places[rows[number]]
            gains = at(self._tables.gains, place[0])[:, number, None]
            audio, branch, offset = self._read(place, gains)
            return audio[..., 0], branch, offset

        spec = (
            tf.TensorSpec([self._n_most, self._n_channels], tf.float32),
            tf.TensorSpec([], tf.int32),
            tf.TensorSpec([], tf.int64),
        )
        read: tuple[tf.Tensor, tf.Tensor, tf.Tensor] = _one_by_one(
            signal, tf.range(self._n_signals), spec
        )
        return read

    def _read(
        self, place: tf.Tensor, gains: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Reads stems and adds them up: audio `(n_most, channels, signals)`."""
        track, start = place[0], place[1] * self._length
        rate = at(self._tables.rates, track)
        branch = tf.searchsorted(tf.constant(self._rates, tf.int64), [rate])[0]
        first, offset = tf.switch_case(
            branch, [lambda w=w: w.place(start) for w in self._windows]
        )
        shape = (self._n_most, self._n_channels)

        def stem(number: tf.Tensor) -> tf.Tensor:
            return tf.cond(
                tf.reduce_any(gains[number] != 0),
                lambda: segment(self._tables, track, number, first, *shape),
                lambda: tf.zeros(shape),
            )

        spec = tf.TensorSpec(shape, tf.float32)
        numbers = tf.range(self._tables.paths.shape[1])
        stems = _one_by_one(stem, numbers, spec)
        return tf.einsum("snc,sk->nck", stems, gains), branch, offset

    def resample(
        self, audio: tf.Tensor, branch: tf.Tensor, offset: tf.Tensor
    ) -> tf.Tensor:
        """Returns the chunk, `(channels, chunk_length, K + 1)`."""
        n_channels, length = self._n_channels, self._length

        def one(read: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
            signal, branch, offset = read
            heard = tf.switch_case(
                branch,
                [lambda r=r: resample(signal, r, self._rate_out) for r in self._rates],
            )
            return tf.ensure_shape(
                heard[offset : offset + length], [length, n_channels]
            )

        spec = tf.TensorSpec([length, n_channels], tf.float32)
        signals = tf.map_fn(one, (audio, branch, offset), fn_output_signature=spec)
        return tf.transpose(signals, (2, 1, 0))


def _one_by_one(function: Any, elements: tf.Tensor, signature: Any) -> Any:
    """Like `tf.map_fn`, strictly in sequence (see `read`)."""
    return tf.map_fn(
        function, elements, fn_output_signature=signature, parallel_iterations=1
    )
