"""Reading chunks of wav and flac files in the graph, aligned to the sample.

A piece is read around each chunk, the stems are added up at their own rate, and the
sum is resampled. Pieces begin where both clocks meet, and are shifted by the delay of
tensorflow-io's resampler, so that chunk k is what a resampled track has there.
"""

import math
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile
import tensorflow as tf
from numpy.typing import NDArray

from keras_munet.data.stems import MIXTURE
from keras_munet.data.tfio import DTYPES, FileDataset, kind, require_tfio

_MARGIN_S = 0.02  # read around a chunk, so that the resampler has run in
_FILTER_TAPS = 64  # of tensorflow-io's resampler (Speex, quality 4)


@dataclass(frozen=True)
class _Tables:
    """What the graph looks up: a row per track, padded to the most stems.

    Attributes:
        paths: `(tracks, stems)`, empty where a track has fewer.
        kinds: index into `DTYPES`, `(tracks, stems)`.
        gains: what each stem gives to each signal, `(tracks, stems, K + 1)`.
        rates: `(tracks,)`.
        lengths: samples of the shortest stem, `(tracks,)`.
    """

    paths: NDArray[np.str_]
    kinds: NDArray[np.int32]
    gains: NDArray[np.float32]
    rates: NDArray[np.int64]
    lengths: NDArray[np.int64]


def _tables(dataset: FileDataset, *, with_rest: bool) -> _Tables:
    names = (*dataset.sources, MIXTURE)
    recipes = [track.recipes(names) for track in dataset.tracks]
    used = [
        [s for s in track.stems if any(s.name in parts for parts in recipe.values())]
        for track, recipe in zip(dataset.tracks, recipes, strict=True)
    ]
    shape = (len(used), max(map(len, used)))
    paths, kinds = np.full(shape, "", object), np.zeros(shape, np.int32)
    gains = np.zeros((*shape, len(names)), np.float32)
    rates, lengths = np.zeros(len(used), np.int64), np.zeros(len(used), np.int64)
    for t, stems in enumerate(used):
        infos = [soundfile.info(str(stem.path)) for stem in stems]
        rates[t] = infos[0].samplerate
        lengths[t] = min(info.frames for info in infos)
        for s, stem in enumerate(stems):
            paths[t, s], kinds[t, s] = str(stem.path), kind(stem)
            for k, name in enumerate(names):
                gains[t, s, k] = recipes[t][name].get(stem.name, 0.0)
    if with_rest:
        gains[..., -1] -= gains[..., :-1].sum(axis=-1)
    return _Tables(paths.astype(str), kinds, gains, rates, lengths)


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

    def resample(read: Any, *rest: tf.Tensor) -> Any:
        return chunks.resample(*read), *rest

    parallel = tf.data.AUTOTUNE
    return rows.map(read_files).map(resample, num_parallel_calls=parallel)


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
        self._tables = tables = _tables(dataset, with_rest=with_rest)
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
        gains = _at(self._tables.gains, place[0])
        audio, branch, offset = self._read(place, gains)
        times = [self._n_signals]
        return tf.transpose(audio, (2, 0, 1)), *(
            tf.repeat(value, times) for value in (branch, offset)
        )

    def read_each(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Reads signal k from the k-th row."""

        def signal(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            place = self._places[rows[number]]
            gains = _at(self._tables.gains, place[0])[:, number, None]
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
        rate = _at(self._tables.rates, track)
        branch = tf.searchsorted(tf.constant(self._rates, tf.int64), [rate])[0]
        first, offset = tf.switch_case(
            branch, [lambda w=w: w.place(start) for w in self._windows]
        )
        shape = (self._n_most, self._n_channels)

        def stem(number: tf.Tensor) -> tf.Tensor:
            return tf.cond(
                tf.reduce_any(gains[number] != 0),
                lambda: _segment(self._tables, track, number, first, *shape),
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
                [lambda r=r: _resample(signal, r, self._rate_out) for r in self._rates],
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


def _at(values: NDArray[Any], track: tf.Tensor) -> tf.Tensor:
    return tf.constant(values)[track]


@dataclass(frozen=True)
class Window:
    """How much to read around a chunk so that it comes out sample by sample.

    Attributes:
        period_in: samples of the file after which both clocks meet again.
        period_out: the same in samples of the result.
        margin: periods that are read before and after the chunk.
        latency: samples of the file by which the resampler is late.
        n_in: samples to read.
    """

    period_in: int
    period_out: int
    margin: int
    latency: int
    n_in: int

    @classmethod
    def of(cls, rate_in: int, rate_out: int, length: int) -> "Window":
        """Returns the window of chunks of `length` samples at `rate_out`."""
        common = math.gcd(rate_in, rate_out)
        period_in, period_out = rate_in // common, rate_out // common
        margin = math.ceil(_MARGIN_S * rate_in / period_in)
        taps = _FILTER_TAPS
        if rate_in > rate_out:  # as Speex rounds its filter length
            taps = (taps * period_in // period_out - 1 & ~7) + 8
        latency = 0 if rate_in == rate_out else taps // 2
        n_periods = math.ceil(length / period_out) + 1 + 2 * margin
        return cls(period_in, period_out, margin, latency, n_periods * period_in)

    def place(self, start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns where to read, and where the chunk begins in the result."""
        period = start // self.period_out - self.margin
        first = period * self.period_in + self.latency
        return first, start - period * self.period_out


def _segment(
    tables: _Tables,
    track: tf.Tensor,
    stem: tf.Tensor,
    first: tf.Tensor,
    n: int,
    n_channels: int,
) -> tf.Tensor:
    """Reads `n` samples from sample `first`, zeros outside: `(n, n_channels)`."""
    path, end = _at(tables.paths, track)[stem], _at(tables.lengths, track)
    start, stop = tf.maximum(first, 0), tf.minimum(first + n, end)
    branches = [
        lambda dtype=dtype: _decode(path, dtype, start, stop) for dtype in DTYPES
    ]
    audio = tf.switch_case(_at(tables.kinds, track)[stem], branches)
    if n_channels == 1:
        audio = tf.reduce_mean(audio, axis=1, keepdims=True)
    elif audio.shape[1] != n_channels:
        audio = tf.tile(audio, [1, n_channels // tf.shape(audio)[1]])
    audio = tf.pad(audio, [[start - first, first + n - stop], [0, 0]])
    return tf.ensure_shape(audio, [n, n_channels])


def _decode(path: tf.Tensor, dtype: tf.DType, first: Any, stop: Any) -> tf.Tensor:
    """Reads a piece of a file, `(samples, channels)`, full scale at 1.

    The operators themselves, with a name of our own for the open file: two
    pipelines must not share it.
    """
    core_ops = require_tfio()
    name = uuid.uuid4().hex
    file = core_ops.io_audio_readable_init(path, container="munet", shared_name=name)
    audio = core_ops.io_audio_readable_read(file, first, stop, dtype=dtype)
    full_scale = 1.0 if dtype.is_floating else -float(dtype.min)
    return tf.cast(audio, tf.float32) * np.float32(1 / full_scale)


def _resample(audio: tf.Tensor, rate_in: int, rate_out: int) -> tf.Tensor:
    """Resamples `(samples, channels)`.

    The operator itself: its public wrapper adds a vectorised map that TensorFlow
    cannot convert.
    """
    if rate_in == rate_out:
        return audio
    return require_tfio().io_audio_resample(audio, rate_in=rate_in, rate_out=rate_out)
