"""Training straight from wav and flac files: decoded and resampled in graphs.

For data sets that change often, or a disk without room for a cache. It needs
tensorflow-io (`pip install 'keras-munet[tfio]'`), whose operators load with the
TensorFlow that they were built for only. Chunks are the same as those of a cache, up
to the resamplers' difference near the Nyquist frequency: a piece is read around each
chunk from where the clocks of file and result meet, shifted by the resampler's delay.
"""

import functools
import math
import threading
import uuid
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import soundfile
import tensorflow as tf

from keras_munet import workers as work
from keras_munet.config import DataConfig
from keras_munet.data import stems as stem_files
from keras_munet.data.dataset import Dataset
from keras_munet.data.shards import Job, measure_track
from keras_munet.data.stems import MIXTURE, Stem
from keras_munet.data.tracks import Track, check_sources, find_tracks
from keras_munet.dsp import FloatArray
from keras_munet.errors import DataError
from keras_munet.extras import missing_extra

_KINDS = {
    ("WAV", "PCM_16"): tf.int16,
    ("WAVEX", "PCM_16"): tf.int16,
    ("FLAC", "PCM_16"): tf.int16,
    ("WAV", "PCM_24"): tf.int32,
    ("WAVEX", "PCM_24"): tf.int32,
    ("FLAC", "PCM_24"): tf.int32,
    ("WAV", "PCM_32"): tf.int32,
    ("WAV", "FLOAT"): tf.float32,
    ("WAVEX", "FLOAT"): tf.float32,
}
"""What the samples of a file are decoded as."""

_MARGIN_S = 0.02  # read around a chunk, so that the resampler has run in
_FILTER_TAPS = 64  # of tensorflow-io's resampler (Speex, quality 4)
_ONE_FILE = threading.Lock()


def require_tfio() -> Any:
    """Returns the operators of tensorflow-io.

    Raises:
        MissingExtraError: when it is not installed.
        DataError: when its operators do not load; names both versions.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the error below says it better
            from tensorflow_io.python.ops import core_ops

            _ = core_ops.io_audio_resample  # operators are loaded when first used
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "tensorflow_io":
            raise DataError(_misfit(error)) from error
        raise missing_extra("tensorflow_io") from error
    except (ImportError, NotImplementedError, AttributeError) as error:
        raise DataError(_misfit(error)) from error
    except tf.errors.OpError as error:
        raise DataError(_misfit(error)) from error
    return core_ops


def _misfit(error: Exception) -> str:
    version = metadata.version("tensorflow-io")
    return (
        f"tensorflow-io {version} does not work with TensorFlow {tf.__version__}: its "
        f"operators do not load ({type(error).__name__}). Use `keras-munet prepare` "
        "and train from its cache, or make an environment of its own:  "
        "pip install 'keras-munet[tfio]'"
    )


@dataclass(frozen=True)
class FileDataset(Dataset):
    """A data set of audio files that is read like a cache.

    Attributes:
        tracks: the files of each shard, in the same order.
    """

    tracks: tuple[Track, ...] = ()
    full_scale: ClassVar[float] = 1.0

    def piece(self, shard: int, start: int, signal: int | None = None) -> FloatArray:
        """Reads and resamples a piece, or one signal of it; see `Dataset.piece`."""
        track, length = self.tracks[shard], self.config.stft.chunk_length
        rate, end = self._clocks[shard]
        window = Window.of(rate, self.config.stft.sample_rate, length)
        first, offset = window.place(start)
        names = (*self.sources, MIXTURE)
        recipes = track.recipes(names if signal is None else names[signal : signal + 1])
        pieces = {
            stem.name: self._decoded(stem, first, window.n_in, end)
            for stem in _used(track, recipes)
        }
        heard = [
            _resampled(mixed, rate, self.config.stft.sample_rate)
            for mixed in stem_files.mix(recipes, pieces).values()
        ]
        piece = np.stack([x[offset : offset + length].T for x in heard], axis=-1)
        return piece if signal is None else piece[..., 0]

    @functools.cached_property
    def _clocks(self) -> list[tuple[int, int]]:
        """Of each track, its rate and the samples of its shortest stem."""
        clocks = []
        for track in self.tracks:
            stems = _used(track, track.recipes((*self.sources, MIXTURE)))
            infos = [soundfile.info(str(stem.path)) for stem in stems]
            clocks.append((infos[0].samplerate, min(info.frames for info in infos)))
        return clocks

    def _decoded(self, stem: Stem, first: int, n: int, end: int) -> FloatArray:
        """Reads `n` samples from sample `first`, zeros outside: `(n, channels)`."""
        n_channels = self.config.n_channels
        start, stop = max(first, 0), min(first + n, end)
        with _ONE_FILE:
            audio = _decoder(kind(stem))(str(stem.path), start, stop).numpy()
        if n_channels == 1:
            audio = audio.mean(axis=1, keepdims=True)
        elif audio.shape[1] != n_channels:
            audio = np.tile(audio, (1, n_channels // audio.shape[1]))
        padded: FloatArray = np.pad(audio, ((start - first, first + n - stop), (0, 0)))
        return padded


def _used(track: Track, recipes: dict[str, dict[str, float]]) -> list[Stem]:
    names = {name for parts in recipes.values() for name in parts}
    return [stem for stem in track.stems if stem.name in names]


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

    def place(self, start: int) -> tuple[int, int]:
        """Returns where to read, and where the chunk begins in the result."""
        period = start // self.period_out - self.margin
        first = period * self.period_in + self.latency
        return first, start - period * self.period_out


@functools.cache
def _decoder(dtype: tf.DType) -> Any:
    """Returns the graph that reads a piece of a file, `(samples, channels)`.

    The operators themselves, with a name of our own for the open file. It is the same
    for every piece: no two calls at once.
    """
    core_ops, name = require_tfio(), uuid.uuid4().hex
    full_scale = 1.0 if dtype.is_floating else -float(dtype.min)
    kinds = (tf.TensorSpec((), kind) for kind in (tf.string, tf.int64, tf.int64))

    @tf.function(input_signature=list(kinds))
    def decode(path: tf.Tensor, start: tf.Tensor, stop: tf.Tensor) -> tf.Tensor:
        file = core_ops.io_audio_readable_init(
            path, container="munet", shared_name=name
        )
        audio = core_ops.io_audio_readable_read(file, start, stop, dtype=dtype)
        return tf.cast(audio, tf.float32) * np.float32(1 / full_scale)

    return decode


def _resampled(audio: FloatArray, rate_in: int, rate_out: int) -> FloatArray:
    """Resamples `(samples, channels)`."""
    if rate_in == rate_out:
        return audio
    resample = require_tfio().io_audio_resample
    result: FloatArray = resample(audio, rate_in=rate_in, rate_out=rate_out).numpy()
    return result


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
            kind(stem)
    jobs = [
        Job(track, config, Path(source), str(number), str(number))
        for number, track in enumerate(tracks)
    ]
    found = {}
    n_workers = work.n_cores() if workers is None else workers
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
    notes = tuple(
        f"{tracks[number].name} is shorter than a chunk: left out."
        for number in sorted(set(found) - set(used))
    )
    return FileDataset(
        folder=Path(source),
        config=config,
        shards=tuple(found[number] for number in used),
        warnings=notes,
        tracks=tuple(tracks[number] for number in used),
    )


@functools.cache
def kind(stem: Stem) -> tf.DType:
    """Says how a file is decoded; refuses what cannot be."""
    try:
        info = soundfile.info(str(stem.path))
        return _KINDS[info.format, info.subtype]
    except (soundfile.LibsndfileError, KeyError) as error:
        raise DataError(
            f"{stem.path} is no wav or flac file of 16, 24 or 32 bit; tensorflow-io "
            "reads nothing else in the graph. Use `keras-munet prepare`, which does."
        ) from error
