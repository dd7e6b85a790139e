"""`prepare`: a data set of stems becomes a cache of training chunks.

CACHE/prepare.json      what is being prepared: source and settings
CACHE/shards/           a .npy file for each track, and its description
CACHE/dataset.json      written last; without it the cache is not complete
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_munet import files
from keras_munet import workers as work
from keras_munet.config import DataConfig
from keras_munet.data.dataset import (
    DATASET_FILE,
    FORMAT,
    SHARD_FOLDER,
    VERSION,
    Dataset,
    open_dataset,
)
from keras_munet.data.shards import Job, Shard, finished, make_shard
from keras_munet.data.stems import MIXTURE
from keras_munet.data.tracks import Track, check_sources, find_tracks
from keras_munet.errors import DataError

__all__ = ["Dataset", "open_dataset", "prepare"]

_SETTINGS_FILE = "prepare.json"


def prepare(
    source: str | Path,
    cache_folder: str | Path,
    config: DataConfig,
    *,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Callable[[float, float], None] | None = None,
) -> Dataset:
    """Cuts every track into chunks and writes the cache.

    Run again after an interruption, it keeps the tracks that are finished; on a
    complete cache it checks that nothing has changed.

    Args:
        source: a data set (see `tracks.find_tracks`).
        cache_folder: new, empty, or from an earlier `prepare` of the same source.
        config: sources, rate, chunk length, silence, validation.
        workers: processes; all processors by default.
        overwrite: throw away a cache of another source or other settings.
        progress: called with (done, total) tracks.

    Raises:
        DataError, AudioError: when the data set or the folder cannot be used; the
            message names the file and the remedy. What is finished is kept.
    """
    tracks = find_tracks(source, config)
    check_sources(tracks, [*config.sources, MIXTURE])
    folder = Path(cache_folder)
    _refuse_foreign(folder)
    with files.locked(folder, f"Another process is preparing {folder}."):
        _claim(folder, _settings(source, config), overwrite=overwrite)
        jobs = [_job(track, config, folder) for track in tracks]
        shards = _make_shards(jobs, folder, workers, progress)
        return _complete(folder, config, tracks, shards)


def _settings(source: str | Path, config: DataConfig) -> dict[str, Any]:
    settings = {
        "format": FORMAT,
        "version": VERSION,
        "source": str(Path(source).resolve()),
        "config": config.to_dict(),
    }
    as_read: dict[str, Any] = json.loads(json.dumps(settings))
    return as_read


def _refuse_foreign(folder: Path) -> None:
    """Leaves a folder alone that is not ours, before anything is written."""
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file. Choose a folder for the cache.")
    if not folder.is_dir() or (folder / _SETTINGS_FILE).is_file():
        return
    others = sorted(
        path.name for path in folder.iterdir() if path.name != files.LOCK_NAME
    )
    if others:
        raise DataError(
            f"{folder} holds something else ({others[0]}). Choose an empty or a new "
            "folder for the cache."
        )


def _claim(folder: Path, settings: dict[str, Any], *, overwrite: bool) -> None:
    """Marks the folder as ours; refuses a cache of something else."""
    marker = folder / _SETTINGS_FILE
    old = _read_json(marker) if marker.is_file() else settings
    if old != settings:
        same = isinstance(old, dict) and {**old, "version": VERSION} == settings
        if not (same or overwrite):  # an earlier version's are made anew
            raise DataError(
                f"{folder} is a cache of another source or other settings (see "
                f"{marker}). Choose another folder, or use --overwrite."
            )
        (folder / DATASET_FILE).unlink(missing_ok=True)
        files.remove(folder / SHARD_FOLDER)
    (folder / SHARD_FOLDER).mkdir(exist_ok=True)
    files.write_json(marker, settings)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _job(track: Track, config: DataConfig, folder: Path) -> Job:
    """Names a track's shard after its settings and files: a change gives a new one."""
    inputs = []
    for stem in track.stems:
        status = stem.path.stat()
        place = (str(stem.path), stem.stream, status.st_size, status.st_mtime_ns)
        inputs.append((stem.name, *place))
    text = json.dumps([VERSION, config.to_dict(), track.name, inputs])
    key = hashlib.sha256(text.encode()).hexdigest()
    slug = re.sub(r"[^A-Za-z0-9]+", "-", track.name).strip("-")[:40]
    file = f"{slug or 'track'}-{key[:10]}.npy"
    return Job(track, config, folder / SHARD_FOLDER, file, key)


def _make_shards(
    jobs: list[Job],
    folder: Path,
    workers: int | None,
    progress: Callable[[float, float], None] | None,
) -> dict[str, Shard]:
    """Makes what is not there yet; returns key -> shard."""
    done = {job.key: shard for job in jobs if (shard := finished(job))}
    missing = [job for job in jobs if job.key not in done]
    if missing:  # from here on the cache is not complete
        (folder / DATASET_FILE).unlink(missing_ok=True)
    n_workers = work.n_cores() if workers is None else workers
    for shard in work.each(make_shard, missing, workers=n_workers):
        done[shard.key] = shard
        if progress:
            progress(len(done), len(jobs))
    _tidy(folder / SHARD_FOLDER, {job.file for job in jobs})
    return {job.key: replace(done[job.key], split=job.track.split) for job in jobs}


def _tidy(folder: Path, wanted: set[str]) -> None:
    """Removes what interrupted runs and earlier versions of a track have left."""
    stems = {Path(name).stem for name in wanted}
    for path in folder.iterdir():
        if path.name.startswith(".") or path.stem not in stems:
            files.remove(path)


def _complete(
    folder: Path, config: DataConfig, tracks: list[Track], shards: dict[str, Shard]
) -> Dataset:
    """Writes `dataset.json` over the shards."""
    chunk_s = config.stft.chunk_length / config.stft.sample_rate
    used = [shard for shard in shards.values() if shard.n_chunks]
    if not used:
        raise DataError(
            f"All {len(tracks)} tracks are shorter than a chunk of {chunk_s:.2f} s. "
            "Use longer tracks."
        )
    dataset = Dataset(folder, config, tuple(used))
    dataset = replace(dataset, warnings=tuple(_warnings(dataset, shards, chunk_s)))
    dataset.to_json_file()
    return dataset


def _warnings(
    dataset: Dataset, shards: dict[str, Shard], chunk_s: float
) -> Iterator[str]:
    for shard in shards.values():
        if not shard.n_chunks:
            yield f"{shard.name} is shorter than a chunk of {chunk_s:.2f} s: left out."
        elif shard.gain != 1:
            yield (
                f"{shard.name} goes beyond full scale: turned down to "
                f"{100 * shard.gain:.0f} % with all its sources."
            )
        elif shard.n_clipped:
            yield f"{shard.name} was clipped at {shard.n_clipped} samples."
    if not dataset.n_chunks("train", keep_silent=False):
        yield dataset.nothing_left("train", keep_silent=False)
    if dataset.n_chunks("train"):
        for name, value in dataset.energies.items():
            if value == 0:
                yield f"{name} is silent in all training tracks."
