"""Collections of generated songs in the layout of MUSDB18-HQ.

The law: a track's mixture file is the exact sum of its four stem files, whatever
engine plays it.
"""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile

from keras_munet import files
from keras_munet import workers as work
from keras_munet.dsp import FloatArray
from keras_munet.errors import DataError
from keras_munet.music import engine as plain
from keras_munet.music.tones import RATE

FIRST_TEST_INDEX = 100_000
"""Songs from this index on are test songs."""


def _needs_nothing() -> None:
    """The plain engine is always there."""


class Engine(NamedTuple):
    """What plays songs; functions of a module, so that processes can be sent them.

    Attributes:
        name: in a collection's `synth.json`.
        make_track: (seed, index, seconds) -> stems and `mixture`, see
            `music.engine.make_track`.
        require: raises `DataError` when something is missing that it needs.
    """

    name: str
    make_track: Callable[[int, int, float], dict[str, FloatArray]]
    require: Callable[[], None] = _needs_nothing


PLAIN = Engine("numpy", plain.make_track)

_SETTINGS = "synth.json"

_Job = tuple[Path, int, int, float, Engine]  # folder, seed, index, seconds, engine


def _write_track(job: _Job) -> None:
    folder, seed, index, seconds, engine = job
    write_stems(folder, engine.make_track(seed, index, seconds))


def write_stems(folder: Path, stems: dict[str, FloatArray]) -> None:
    """Writes one track, whole or not at all.

    Args:
        folder: of the track; its parent must exist.
        stems: by name, `(samples, channels)`, of values that 16 bits hold
            (`with_mixture`).

    Raises:
        DataError: when there is no room, or no right to write.
    """
    try:
        with files.replacing(folder) as part:
            part.mkdir()
            for name, sound in stems.items():
                whole, wav = (sound * 2**15).astype(np.int16), io.BytesIO()
                soundfile.write(wav, whole, RATE, format="WAV", subtype="PCM_16")
                (part / f"{name}.wav").write_bytes(wav.getvalue())
    except OSError as error:
        raise files.write_error(error, folder) from error


def _jobs(
    folder: Path,
    counts: dict[str, tuple[int, int]],
    seed: int,
    seconds: float,
    engine: Engine,
) -> list[_Job]:
    """Lists the tracks that are not there yet."""
    names = {
        folder / split / f"Seed {seed} - Song {first + k:03d}": first + k
        for split, (first, count) in counts.items()
        for k in range(count)
    }
    jobs = [(p, seed, k, seconds, engine) for p, k in names.items() if not p.is_dir()]
    return jobs


def _found(marker: Path) -> dict[str, Any]:
    """Reads which tracks a folder holds; format 1 knew one engine only."""
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return {}
    if found.get("format") == 1:
        found |= {"format": 2, "engine": "numpy"}
    return found


def _refuse_foreign(folder: Path, settings: dict[str, Any]) -> None:
    """Leaves a folder alone that holds something else, before anything is written."""
    marker = folder / _SETTINGS
    if marker.is_file():
        found = _found(marker)
        if found == settings:
            return
        if found.get("engine") not in (None, settings["engine"]):
            raise DataError(
                f"{folder} holds songs of the {found['engine']} engine ({marker}), "
                f"not of {settings['engine']}. Use --engine {found['engine']}, or "
                "choose another folder."
            )
        raise DataError(
            f"{folder} holds generated tracks of other settings ({marker}). "
            "Use the same --seed and --seconds, or choose another folder."
        )
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file. Choose a folder for the tracks.")
    # A hidden file is the lock, or a marker that another process is writing.
    if folder.is_dir() and any(not p.name.startswith(".") for p in folder.iterdir()):
        raise DataError(
            f"{folder} is not empty and holds no generated tracks. "
            "Choose an empty or a new folder."
        )


def _claim(folder: Path, settings: dict[str, Any]) -> None:
    """Marks a new folder as ours and clears away what a killed run has left."""
    _refuse_foreign(folder, settings)
    if not (folder / _SETTINGS).is_file():
        files.write_json(folder / _SETTINGS, settings)
    for split in ("train", "test"):
        (folder / split).mkdir(exist_ok=True)
        files.sweep(folder / split)


def write_tracks(
    folder: str | Path,
    n_tracks: int,
    *,
    seconds: float,
    seed: int,
    n_test_tracks: int = 0,
    engine: Engine = PLAIN,
    workers: int | None = None,
    progress: Callable[[float, float], None] | None = None,
) -> None:
    """Writes songs as `folder/train/NAME/*.wav` and `folder/test/NAME/*.wav`.

    Tracks that are already there are kept, so an interrupted run can be repeated,
    and a collection can grow. Each track appears whole or not at all. While one
    process writes to a folder, others are refused, unless all they ask for is there.

    Args:
        folder: new, empty, or from an earlier run with the same seed, length and
            engine.
        n_tracks: songs under `train`.
        seconds: length of each song.
        seed: of the collection.
        n_test_tracks: songs under `test`.
        engine: `PLAIN`, or `studio.engine.STUDIO`, which must be installed.
        workers: processes; all processors by default.
        progress: called with (done, total) tracks.

    Raises:
        DataError: when the folder holds something else, or the studio lacks a
            program, a sound or a library; nothing is written then.
        MunetError: when another process is writing there.
    """
    _check(n_tracks, n_test_tracks, engine)
    folder = Path(folder)
    settings = {
        "format": 2,
        "seed": seed,
        "seconds": float(seconds),
        "engine": engine.name,
    }
    counts = {"train": (0, n_tracks), "test": (FIRST_TEST_INDEX, n_test_tracks)}
    _refuse_foreign(folder, settings)
    if not _jobs(folder, counts, seed, seconds, engine):
        return
    with files.locked(folder, f"Another process is writing songs to {folder}."):
        _claim(folder, settings)
        jobs = _jobs(folder, counts, seed, seconds, engine)
        _write_all(jobs, n_tracks + n_test_tracks, workers, progress)


def _check(n_tracks: int, n_test_tracks: int, engine: Engine) -> None:
    """Refuses wrong numbers and an engine that is unknown or not installed."""
    if n_tracks < 0 or n_test_tracks < 0 or n_tracks + n_test_tracks < 1:
        raise ValueError(
            "There must be at least one track. Received: "
            f"n_tracks={n_tracks}, n_test_tracks={n_test_tracks}"
        )
    if n_tracks > FIRST_TEST_INDEX:
        raise ValueError(
            f"`n_tracks` must be at most {FIRST_TEST_INDEX}, where test songs begin. "
            f"Received: n_tracks={n_tracks}"
        )
    engine.require()


def _write_all(
    jobs: list[_Job],
    total: int,
    workers: int | None,
    progress: Callable[[float, float], None] | None,
) -> None:
    done = total - len(jobs)
    n_workers = work.n_cores() if workers is None else workers
    for _ in work.each(_write_track, jobs, workers=n_workers):
        done += 1
        if progress:
            progress(done, total)
