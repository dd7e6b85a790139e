"""Training straight from wav and flac files: decoded and resampled in the graph.

For data sets that change often, or a disk without room for a cache. It needs
tensorflow-io (`pip install 'keras-munet[tfio]'`), whose operators load with the
TensorFlow that they were built for only. Chunks are the same as those of a cache, up
to the resamplers' difference near the Nyquist frequency.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import soundfile
import tensorflow as tf

from keras_munet import workers as work
from keras_munet.config import DataConfig
from keras_munet.data.dataset import Dataset
from keras_munet.data.shards import Job, measure_track
from keras_munet.data.stems import MIXTURE, Stem
from keras_munet.data.tracks import Track, check_sources, find_tracks
from keras_munet.errors import DataError
from keras_munet.extras import missing_extra

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
DTYPES = (tf.int16, tf.int32, tf.float32)
"""What a file's samples are decoded as, by its kind."""


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


def kind(stem: Stem) -> int:
    """Says how a file is decoded (index into `DTYPES`); refuses what cannot be."""
    try:
        info = soundfile.info(str(stem.path))
        return _KINDS[info.format, info.subtype]
    except (soundfile.LibsndfileError, KeyError) as error:
        raise DataError(
            f"{stem.path} is no wav or flac file of 16, 24 or 32 bit; tensorflow-io "
            "reads nothing else in the graph. Use `keras-munet prepare`, which does."
        ) from error
