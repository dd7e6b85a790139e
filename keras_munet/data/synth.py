"""Generated multitracks in the layout of MUSDB18-HQ, for training, tests and demo.

Every track is a song of its own: tempo, key, chords, timbres, places in the stereo
picture and levels are drawn from (seed, index), and the energies of the stems keep
the proportions that MUSDB18 has. The law: a track's mixture file is the exact sum
of its four stem files.

The engine `numpy` is in this file and needs nothing else; `studio` (studio/engine.py)
has sampled instruments, singers and a mixing desk.
"""

import functools
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import soundfile

from keras_munet import dsp, files
from keras_munet.config import STFTConfig
from keras_munet.data import workers as work
from keras_munet.data.music import bass, chords, drums, voice
from keras_munet.data.music.song import STEMS, draw_song
from keras_munet.data.music.tones import RATE
from keras_munet.data.resample import downmix, resample
from keras_munet.data.shards import write_error
from keras_munet.dsp import FloatArray
from keras_munet.errors import DataError

ENERGIES = {"vocals": 173.4346, "drums": 218.6938, "bass": 252.7046, "other": 216.4932}
"""Energies that the authors measured on MUSDB18."""

_CREST = 4.0  # of a stem: where the soft limiter bends, in units of its level

_RENDER = {
    "vocals": voice.render,
    "drums": drums.render,
    "bass": bass.render,
    "other": chords.render,
}
_LEVEL_SPREAD = 0.4  # standard deviation of a stem's log energy from track to track
_PEAK = 0.98
FIRST_TEST_INDEX = 100_000
"""Songs from this index on are test songs."""

Engine = Literal["numpy", "studio"]
"""What plays: simple tones, or sampled instruments, singers and a mixing desk."""

_SETTINGS = "synth.json"
_LEFT_OVER = re.compile(r"\.Seed .*\.[0-9a-f]{8}\.part")


def _energy(stereo: FloatArray) -> float:
    """Energy as training measures it: mono, 10 880 Hz."""
    mono = resample(downmix(stereo)[:, None], RATE, STFTConfig().sample_rate)[:, 0]
    return float(dsp.energy(mono))


def _limited(sound: FloatArray) -> FloatArray:
    """Bends peaks down, as mastering does; the level is that of the playing parts."""
    loud = sound[np.abs(sound).max(axis=1) > 1e-3 * np.abs(sound).max()]
    ceiling = np.float32(_CREST * np.sqrt(np.mean(loud**2)) + 1e-9)
    bent: FloatArray = ceiling * np.tanh(sound / ceiling)
    return bent


def require_length(seconds: float) -> None:
    """Refuses songs, of either engine, that would be shorter than a second."""
    if seconds < 1:
        raise ValueError(f"`seconds` must be at least 1. Received: seconds={seconds}")


def make_track(seed: int, index: int, seconds: float) -> dict[str, FloatArray]:
    """Plays one song.

    Args:
        seed: of the collection.
        index: of the song in it.
        seconds: length of the song.

    Returns:
        stem -> `(samples, 2)` at 44.1 kHz, multiples of 2**-15: `mixture` (the exact
        sum), `vocals`, `drums`, `bass`, `other`.

    Raises:
        ValueError: when the song would be shorter than a second.
    """
    require_length(seconds)
    song = draw_song(np.random.default_rng([seed, index]), seconds, RATE)
    stems = {}
    for number, name in enumerate(STEMS, start=1):
        rng = np.random.default_rng([seed, index, number])
        sound = _limited(_RENDER[name](rng, song))
        spread = np.exp(rng.normal(-(_LEVEL_SPREAD**2) / 2, _LEVEL_SPREAD))
        target = ENERGIES[name] * spread
        gain = np.sqrt(target / (_energy(sound) + 1e-12))
        stems[name] = sound * np.float32(gain)
    return with_mixture(stems)


def with_mixture(stems: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Rounds the stems to 16 bit, all turned down alike where needed, and adds them."""
    loudest = max(np.abs(sound).max() for sound in [*stems.values(), _sum(stems)])
    gain = np.float32(min(1.0, _PEAK / loudest) * 2**15)
    rounded: dict[str, FloatArray] = {
        name: np.round(sound * gain) / np.float32(2**15)
        for name, sound in stems.items()
    }
    return {"mixture": _sum(rounded), **rounded}


def _sum(stems: dict[str, FloatArray]) -> FloatArray:
    return functools.reduce(np.add, stems.values())


_Job = tuple[Path, int, int, float, Engine]  # folder, seed, index, seconds, engine


def _write_track(job: _Job) -> None:
    folder, seed, index, seconds, engine = job
    write_stems(folder, _play(engine, seed, index, seconds))


def _play(engine: Engine, seed: int, index: int, seconds: float) -> dict[str, Any]:
    if engine == "numpy":
        return make_track(seed, index, seconds)
    from keras_munet.data.studio import engine as studio

    return studio.make_track(seed, index, seconds)


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
        raise write_error(error, folder) from error


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
        for path in (folder / split).iterdir():
            if _LEFT_OVER.fullmatch(path.name):
                files.remove(path)


def write_tracks(
    folder: str | Path,
    n_tracks: int,
    *,
    seconds: float,
    seed: int,
    n_test_tracks: int = 0,
    engine: Engine = "numpy",
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
        engine: `numpy`, or `studio`, which must be installed.
        workers: processes; all processors by default.
        progress: called with (done, total) tracks.

    Raises:
        DataError: when the folder holds something else, or the studio lacks a
            program, a sound or a library; nothing is written then.
        MunetError: when another process is writing there.
    """
    _check(n_tracks, n_test_tracks, engine)
    folder = Path(folder)
    settings = {"format": 2, "seed": seed, "seconds": float(seconds), "engine": engine}
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
    if engine not in get_args(Engine):
        raise ValueError(
            f"`engine` must be one of {get_args(Engine)}. Received: engine={engine!r}"
        )
    if engine == "studio":
        from keras_munet.data.studio.needs import require_studio

        require_studio()


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
