"""Training straight from wav and flac files: decoded and resampled in the graph.

For data sets that change often, or a disk without room for a cache. It needs
tensorflow-io (`pip install 'keras-munet[tfio]'`), whose operators load with the
TensorFlow that they were built for only. Chunks are the same as those of a cache, up
to the resamplers' difference near the Nyquist frequency.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import tensorflow as tf
from numpy.typing import NDArray

from keras_munet.config import DataConfig
from keras_munet.data import workers as work
from keras_munet.data.dataset import Dataset
from keras_munet.data.shards import Job, measure_track
from keras_munet.data.stems import MIXTURE, Stem
from keras_munet.data.tracks import Track, check_sources, find_tracks
from keras_munet.errors import DataError, missing_extra

_KINDS = {
    ("WAV", "PCM_16"): 0,
    ("WAVEX", "PCM_16"): 0,
    ("FLAC", "PCM_16"): 0,
    ("WAV", "PCM_24"): 1,
    ("WAVEX", "PCM_24"): 1,
    ("FLAC", "PCM_24"): 1,
    ("WAV", "PCM_32"): 1,
    ("WAV", "FLOAT"): 2,
    ("WAVEX", "FLOAT"): 2,
}
_DTYPES = (tf.int16, tf.int32, tf.float32)
_MARGIN_S = 0.02  # read around a chunk, so that the resampler has run in
_FILTER_TAPS = 64  # of tensorflow-io's resampler (Speex, quality 4)


def require_tfio() -> Any:
    """Imports tensorflow-io with its operators.

    Raises:
        MissingExtraError: when it is not installed.
        DataError: when its operators do not load; names both versions.
    """
    try:
        import tensorflow_io

        tensorflow_io.audio.resample(tf.zeros([64, 1]), 2, 1)  # operators load late
    except ModuleNotFoundError as error:
        if error.name != "tensorflow_io":
            raise DataError(_misfit(error)) from error
        raise missing_extra("tensorflow-io", "tfio") from error
    except (ImportError, NotImplementedError, AttributeError) as error:
        raise DataError(_misfit(error)) from error
    except tf.errors.OpError as error:
        raise DataError(_misfit(error)) from error
    return tensorflow_io


def _misfit(error: Exception) -> str:
    version = metadata.version("tensorflow-io")
    reason = str(error).strip().splitlines()[0][:120]
    return (
        f"tensorflow-io {version} does not work with TensorFlow {tf.__version__} "
        f"({reason}). Use `keras-munet prepare` and train from its cache, or make an "
        "environment of its own:  pip install 'keras-munet[tfio]'"
    )


@dataclass(frozen=True)
class FileDataset(Dataset):
    """A data set of audio files that is read like a cache.

    Attributes:
        tracks: the files of each shard, in the same order.
    """

    tracks: tuple[Track, ...] = ()


def open_files(
    source: str | Path,
    config: DataConfig,
    *,
    workers: int | None = None,
    progress: Callable[[float, float], None] | None = None,
) -> FileDataset:
    """Opens a folder of wav and flac stems for training, without a cache.

    Every file is read once, to check it and to measure energies and silence.

    Args:
        source: as for `cache.prepare`, but wav and flac files only.
        config: as for `cache.prepare`.
        workers: processes; all processors by default.
        progress: called with (done, total) tracks.

    Raises:
        MissingExtraError, DataError, AudioError: when tensorflow-io is missing or
            does not fit, or the files cannot be used.
    """
    require_tfio()
    tracks = find_tracks(source, config)
    check_sources(tracks, [*config.sources, MIXTURE])
    for track in tracks:
        for stem in track.stems:
            _kind(stem)
    jobs = [
        Job(track, config, Path(source), str(number), str(number))
        for number, track in enumerate(tracks)
    ]
    found = {}
    n_workers = work.default_workers() if workers is None else workers
    for shard in work.each(measure_track, jobs, workers=n_workers):
        found[int(shard.key)] = shard
        if progress:
            progress(len(found), len(jobs))
    used = [number for number in sorted(found) if found[number].n_chunks]
    if not used:
        raise DataError(
            f"All {len(tracks)} tracks in {source} are shorter than a chunk of "
            f"{config.stft.chunk_length / config.stft.sample_rate:.2f} s. "
            "Use longer tracks."
        )
    warnings = tuple(
        f"{tracks[number].name} is shorter than a chunk: left out."
        for number in sorted(set(found) - set(used))
    )
    return FileDataset(
        folder=Path(source),
        config=config,
        shards=tuple(found[number] for number in used),
        warnings=warnings,
        tracks=tuple(tracks[number] for number in used),
    )


def _kind(stem: Stem) -> int:
    """Says how a file is decoded; refuses what tensorflow-io cannot."""
    try:
        info = soundfile.info(str(stem.path))
        return _KINDS[info.format, info.subtype]
    except (soundfile.LibsndfileError, KeyError) as error:
        raise DataError(
            f"{stem.path} is no wav or flac file of 16, 24 or 32 bit, and tensorflow-io "
            "reads nothing else in the graph. Use `keras-munet prepare`, which does."
        ) from error


@dataclass(frozen=True)
class _Tables:
    """What the graph looks up: a row per track, padded to the most stems.

    Attributes:
        paths: `(tracks, stems)`, empty where a track has fewer.
        kinds: index into `_DTYPES`, `(tracks, stems)`.
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
            paths[t, s], kinds[t, s] = str(stem.path), _kind(stem)
            for k, name in enumerate(names):
                gains[t, s, k] = recipes[t][name].get(stem.name, 0.0)
    if with_rest:
        gains[..., -1] -= gains[..., :-1].sum(axis=-1)
    return _Tables(paths.astype(str), kinds, gains, rates, lengths)


def loader(
    dataset: FileDataset, index: NDArray[np.int64], *, remix: bool, with_rest: bool
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Returns the graph function that reads chunks.

    Args:
        dataset: the files.
        index: rows of (track, chunk), as `Dataset.chunk_index` gives them.
        remix: read each source from the row that is asked for it.
        with_rest: last comes what the sources leave of the mixture, instead of it.

    Returns:
        A function of rows `(batch,)` and source rows `(batch, K)` that gives float32
        `(batch, channels, chunk_length, K + 1)`, full scale at 1.
    """
    tables = _tables(dataset, with_rest=with_rest)
    shape = dataset.record_shape
    places = tf.constant(index)

    def one(rows: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        row, source_rows = rows
        if not remix:
            return _read_chunk(dataset, tables, places[row], None)
        own = _read_chunk(dataset, tables, places[row], shape[2] - 1)
        others = [
            _read_chunk(dataset, tables, places[source_rows[k]], k)
            for k in range(shape[2] - 1)
        ]
        return tf.concat([*others, own], axis=-1)

    def load(rows: tf.Tensor, source_rows: tf.Tensor) -> tf.Tensor:
        spec = tf.TensorSpec(shape, tf.float32)
        if remix:
            spec = tf.TensorSpec(shape, tf.float32)
        return tf.map_fn(one, (rows, source_rows), fn_output_signature=spec)

    return load


def _read_chunk(
    dataset: FileDataset, tables: _Tables, place: tf.Tensor, signal: int | None
) -> tf.Tensor:
    """Reads the signals of a chunk, or one: `(channels, chunk_length, signals)`."""
    n_channels, length, _ = dataset.record_shape
    rate_out = dataset.config.stft.sample_rate
    track, record = place[0], place[1]
    gains = tf.constant(tables.gains)[track]
    if signal is not None:
        gains = gains[:, signal : signal + 1]
    cases = {}
    for rate_in in np.unique(tables.rates).tolist():
        window = _Window.of(rate_in, rate_out, length)
        cases[rate_in] = window
    rates = sorted(cases)
    branch = tf.searchsorted(tf.constant(rates, tf.int64), [_at(tables.rates, track)])

    def read_at(rate_in: int) -> tf.Tensor:
        window = cases[rate_in]
        first, offset = window.place(record * length)
        stems = [
            tf.cond(
                tf.reduce_any(gains[s] != 0),
                lambda s=s: _segment(tables, track, s, first, window.n_in, n_channels),
                lambda: tf.zeros([window.n_in, n_channels]),
            )
            for s in range(tables.paths.shape[1])
        ]
        heard = tf.concat(stems, axis=1)  # (n_in, stems * channels)
        heard = _resample(heard, rate_in, rate_out)[offset : offset + length]
        heard = tf.reshape(heard, [length, len(stems), n_channels])
        return tf.einsum("nsc,sk->cnk", heard, gains)

    branches = [lambda rate=rate: read_at(rate) for rate in rates]
    return tf.switch_case(branch[0], branches)


def _at(values: NDArray[Any], track: tf.Tensor) -> tf.Tensor:
    return tf.constant(values)[track]


@dataclass(frozen=True)
class _Window:
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
    def of(cls, rate_in: int, rate_out: int, length: int) -> "_Window":
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
    stem: int,
    first: tf.Tensor,
    n: int,
    n_channels: int,
) -> tf.Tensor:
    """Reads `n` samples from sample `first`, zeros outside: `(n, n_channels)`."""
    path, end = _at(tables.paths, track)[stem], _at(tables.lengths, track)
    start, stop = tf.maximum(first, 0), tf.minimum(first + n, end)
    branches = [
        lambda dtype=dtype: _decode(path, dtype, start, stop) for dtype in _DTYPES
    ]
    audio = tf.switch_case(_at(tables.kinds, track)[stem], branches)
    if n_channels == 1:
        audio = tf.reduce_mean(audio, axis=1, keepdims=True)
    elif audio.shape[1] != n_channels:
        audio = tf.tile(audio, [1, n_channels // tf.shape(audio)[1]])
    audio = tf.pad(audio, [[start - first, first + n - stop], [0, 0]])
    return tf.ensure_shape(audio, [n, n_channels])


def _decode(path: tf.Tensor, dtype: tf.DType, first: Any, stop: Any) -> tf.Tensor:
    import tensorflow_io

    audio = tensorflow_io.IOTensor.graph(dtype).from_audio(path)[first:stop]
    full_scale = 1.0 if dtype.is_floating else -float(dtype.min)
    return tf.cast(audio, tf.float32) * np.float32(1 / full_scale)


def _resample(audio: tf.Tensor, rate_in: int, rate_out: int) -> tf.Tensor:
    import tensorflow_io

    if rate_in == rate_out:
        return audio
    return tensorflow_io.audio.resample(audio, rate_in, rate_out)
