"""Batches from a cache by NumPy alone: mapped shards, an epoch drawn by chunk.

All chunks of a cache have one size and lie in plain arrays, so each can be read at
once, wherever it is. An epoch is therefore shuffled as a whole, chunk by chunk, without
a shuffle buffer, and every source can come from a chunk of its own.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from keras_munet.data.augment import draw_plan
from keras_munet.data.dataset import Dataset
from keras_munet.data.mixing import mixing
from keras_munet.data.spectral import transform
from keras_munet.dsp import FloatArray
from keras_munet.errors import DataError

PICK = np.array([[1, 0], [0, 1], [0.5, 0.5]], np.float32)
"""What `augment.LEFT`, `RIGHT` and `MID` take of both channels."""

N_AHEAD = 2
"""Batches that are made while one is used, each by a thread of its own."""


class ChunkBatches:
    """The batches of one epoch, as often as they are gone through.

    The same (seed, epoch) gives the same batches, bit for bit. After any augmentation
    but `channels` the mixture is the sum of the new sources, plus what the sources
    left of the mixture where they do not cover it.

    Args:
        dataset: an open cache.
        split: `train`, `valid` or `test`.
        batch_size: chunks per batch; only the last may have fewer.
        epoch: number of the epoch, from 0.
        seed: of the run.
        shuffle: all chunks in a new order each epoch.
        keep_silent: also chunks in which a source is silent.
        augment: names of augmentations (see `augment.draw_plan`).
        drop_remainder: leave out a last batch that is not full.
        sources: what is wanted, in order (see `mixing.mixing`); by default what is
            in the cache.

    Raises:
        DataError: when the split has no chunk, fewer training chunks than a batch,
            or only the down-mix where `channels` is asked for.

    Attributes:
        shape: of a waveform in a batch, `(chunk_length, K + 1)`.
    """

    def __init__(
        self,
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
        sources: Sequence[str] | None = None,
    ) -> None:
        self.dataset, self.batch_size = dataset, batch_size
        self.index = dataset.chunk_index(split, keep_silent=keep_silent)
        n = len(self.index)
        check(dataset, split, n, batch_size, keep_silent, augment)
        self.plan = draw_plan(
            n,
            len(dataset.sources),
            seed=seed,
            epoch=epoch,
            shuffle=shuffle,
            augment=augment,
        )
        self.mix = mixing(dataset, sources or dataset.sources)
        self.shape = dataset.chunk_shape[1], self.mix.shape[1]
        self.gains = np.column_stack([self.plan.gains, np.ones(n, np.float32)])
        self.with_rest = not (self.plan.is_plain or dataset.covers_mixture)
        if not self.plan.is_plain:  # the mixture is a new sum
            self.mix[:, -1] = 1.0
            self.gains[:, -1] = self.with_rest
        self.n_batches = n // batch_size if drop_remainder else -(-n // batch_size)

    def __len__(self) -> int:
        """Number of batches."""
        return self.n_batches

    def __iter__(self) -> Iterator[FloatArray]:
        """Gives batches, float32 `(batch, chunk_length, K + 1)`.

        The sources are in order, the mixture is last, in [-1, 1] when nothing is
        augmented.
        """
        return in_advance(self.batch, len(self))

    def batch(self, number: int) -> FloatArray:
        """Returns one batch, whatever was read before."""
        start = number * self.batch_size
        rows, plan = slice(start, start + self.batch_size), self.plan
        chunks = self._read(*self.places(rows))
        signals = chunks[:, 0]  # (batch, chunk_length, K + 1)
        if chunks.shape[1] == 2:
            left, right = PICK[plan.channels[rows]].T[:, :, None, None]
            signals = left * signals + right * chunks[:, 1]
        if plan.is_spectral:
            speeds, rate = plan.speeds[rows], self.dataset.config.stft.sample_rate
            if not self.with_rest:  # what is read there is not used
                speeds = np.column_stack(
                    [speeds[:, :-1], np.ones(len(speeds), np.float32)]
                )
            signals = transform(signals, speeds, plan.band_gains[rows], rate)
        scale = np.float32(1 / self.dataset.full_scale)
        signals *= self.gains[rows, None] * scale
        return mixed(signals, self.mix)

    def places(self, rows: slice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns of which shards, and where in them, signals begin: `(n, K + 1)`."""
        of_signals = np.column_stack([self.plan.source_rows, self.plan.rows])[rows]
        places = self.index[of_signals.ravel()]
        starts = self.dataset.starts(places, self.plan.shifts[rows].ravel())
        return places[:, 0].reshape(of_signals.shape), starts.reshape(of_signals.shape)

    def _read(self, shards: NDArray[np.int64], starts: NDArray[np.int64]) -> FloatArray:
        """Reads `(batch, channels, chunk_length, K + 1)`, each signal from its place.

        Last is the mixture, or where it is needed what the sources leave of it. Sums
        of 16 bit are exact in float32.
        """
        chunks = np.empty((len(shards), *self.dataset.chunk_shape), np.float32)
        for chunk, songs, places in zip(
            chunks, shards.tolist(), starts.tolist(), strict=True
        ):
            chunk[:] = self.dataset.piece(songs[-1], places[-1])
            if self.with_rest:
                chunk[..., -1] -= chunk[..., :-1].sum(axis=-1)
            for k, place in enumerate(zip(songs, places, strict=True)):
                if place != (songs[-1], places[-1]):
                    chunk[..., k] = self.dataset.piece(*place, k)
        return chunks


def mixed(signals: FloatArray, mix: FloatArray) -> FloatArray:
    """Returns `signals @ mix`; sums of few columns are quicker than a product."""
    if np.array_equal(mix, np.eye(len(mix))):
        return signals
    result = np.zeros((*signals.shape[:-1], mix.shape[1]), np.float32)
    for source, column in np.argwhere(mix):
        result[..., column] += mix[source, column] * signals[..., source]
    return result


def check(
    dataset: Dataset,
    split: str,
    n_chunks: int,
    batch_size: int,
    keep_silent: bool,
    augment: Collection[str],
) -> None:
    """Refuses what no epoch can be made of.

    Raises:
        DataError: see `ChunkBatches`.
    """
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


def in_advance(make: Callable[[int], FloatArray], n: int) -> Iterator[FloatArray]:
    """Gives `make(0)` to `make(n - 1)` in order, some of them made in advance."""
    pool = ThreadPoolExecutor(N_AHEAD)
    waiting: deque[Future[FloatArray]] = deque()
    try:
        for number in range(n):
            waiting.append(pool.submit(make, number))
            if len(waiting) > N_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class Conditioned:
    """Gives every batch K + 2 times, every example once under each condition.

    The conditions are the K one-hots, all ones and all zeros; a batch holds all of
    them in turn, and a pass shifts them by one.

    Args:
        batches: waveforms `(batch, chunk_length, K + 1)`.
        n_sources: K.
    """

    def __init__(self, batches: ChunkBatches, n_sources: int) -> None:
        self.batches, self.shape, self.n_sources = batches, batches.shape, n_sources
        kinds = [np.eye(n_sources), np.ones((1, n_sources)), np.zeros((1, n_sources))]
        self.conditions = np.concatenate(kinds).astype(np.float32)

    def __len__(self) -> int:
        """Number of batches."""
        return len(self.batches) * len(self.conditions)

    def __iter__(self) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Gives pairs (waveforms, conditions `(batch, K)`)."""
        n_conditions = len(self.conditions)
        for waveforms in self.batches:
            places = np.arange(len(waveforms))
            for shift in range(n_conditions):
                yield waveforms, self.conditions[(places + shift) % n_conditions]
