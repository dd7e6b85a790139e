"""Pieces of wav and flac files in the graph, aligned to the sample.

A piece begins where the clocks of file and result meet, and is shifted by the delay of
tensorflow-io's resampler.
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
class Tables:
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


def tables_of(dataset: FileDataset, *, with_rest: bool) -> Tables:
    """Returns the tables; with `with_rest` the last signal is mixture - sources."""
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
    return Tables(paths.astype(str), kinds, gains, rates, lengths)


def at(values: NDArray[Any], track: tf.Tensor) -> tf.Tensor:
    """Looks up the row of a track."""
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


def segment(
    tables: Tables,
    track: tf.Tensor,
    stem: tf.Tensor,
    first: tf.Tensor,
    n: int,
    n_channels: int,
) -> tf.Tensor:
    """Reads `n` samples from sample `first`, zeros outside: `(n, n_channels)`."""
    path, end = at(tables.paths, track)[stem], at(tables.lengths, track)
    start, stop = tf.maximum(first, 0), tf.minimum(first + n, end)
    branches = [
        lambda dtype=dtype: _decode(path, dtype, start, stop) for dtype in DTYPES
    ]
    audio = tf.switch_case(at(tables.kinds, track)[stem], branches)
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


def resample(audio: tf.Tensor, rate_in: int, rate_out: int) -> tf.Tensor:
    """Resamples `(samples, channels)`.

    The operator itself: its public wrapper adds a vectorised map that TensorFlow
    cannot convert.
    """
    if rate_in == rate_out:
        return audio
    return require_tfio().io_audio_resample(audio, rate_in=rate_in, rate_out=rate_out)
