"""Generated multitracks in the layout of MUSDB18-HQ, for tests, demo and benchmarks.

Every track is a song of its own: tempo, key, chords, timbres, places in the stereo
picture and levels are drawn from (seed, index), and the energies of the stems keep
the proportions that MUSDB18 has. The law: a track's mixture file is the exact sum
of its four stem files.
"""

import functools
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
_FIRST_TEST_INDEX = 100_000
_SETTINGS = "synth.json"


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
    if seconds < 1:
        raise ValueError(f"`seconds` must be at least 1. Received: seconds={seconds}")
    song = draw_song(np.random.default_rng([seed, index]), seconds, RATE)
    stems = {}
    for number, name in enumerate(STEMS, start=1):
        rng = np.random.default_rng([seed, index, number])
        sound = _limited(_RENDER[name](rng, song))
        spread = np.exp(rng.normal(-(_LEVEL_SPREAD**2) / 2, _LEVEL_SPREAD))
        target = ENERGIES[name] * spread
        gain = np.sqrt(target / (_energy(sound) + 1e-12))
        stems[name] = sound * np.float32(gain)
    return _with_mixture(stems)


def _with_mixture(
    stems: dict[str, FloatArray],
) -> dict[str, FloatArray]:
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


def _write_track(job: tuple[Path, int, int, float]) -> None:
    try:
        _write_stems(*job)
    except OSError as error:
        raise write_error(error, job[0]) from error


def _write_stems(folder: Path, seed: int, index: int, seconds: float) -> None:
    with files.replacing(folder) as part:
        part.mkdir()
        for name, sound in make_track(seed, index, seconds).items():
            whole, wav = (sound * 2**15).astype(np.int16), io.BytesIO()
            soundfile.write(wav, whole, RATE, format="WAV", subtype="PCM_16")
            (part / f"{name}.wav").write_bytes(wav.getvalue())


def _jobs(
    folder: Path, counts: dict[str, tuple[int, int]], seed: int, seconds: float
) -> list[tuple[Path, int, int, float]]:
    """Lists the tracks that are not there yet."""
    names = {
        folder / split / f"Seed {seed} - Song {first + k:03d}": first + k
        for split, (first, count) in counts.items()
        for k in range(count)
    }
    return [(p, seed, k, seconds) for p, k in names.items() if not p.is_dir()]


def _claim(folder: Path, settings: dict[str, Any]) -> None:
    """Refuses a folder that holds something else; marks a new one as ours."""
    marker = folder / _SETTINGS
    if marker.is_file():
        found = marker.read_text(encoding="utf-8")
        if found != json.dumps(settings, indent=2) + "\n":
            raise DataError(
                f"{folder} holds generated tracks of other settings ({marker}). "
                "Use the same --seed and --seconds, or choose another folder."
            )
        return
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file. Choose a folder for the tracks.")
    if folder.is_dir() and any(folder.iterdir()):
        raise DataError(
            f"{folder} is not empty and holds no generated tracks. "
            "Choose an empty or a new folder."
        )
    files.write_json(marker, settings)


def write_tracks(
    folder: str | Path,
    n_tracks: int,
    *,
    seconds: float,
    seed: int,
    n_test_tracks: int = 0,
    workers: int | None = None,
    progress: Callable[[float, float], None] | None = None,
) -> None:
    """Writes songs as `folder/train/NAME/*.wav` and `folder/test/NAME/*.wav`.

    Tracks that are already there are kept, so an interrupted run can be repeated,
    and a collection can grow. Each track appears whole or not at all.

    Args:
        folder: new, empty, or from an earlier run with the same seed and length.
        n_tracks: songs under `train`.
        seconds: length of each song.
        seed: of the collection.
        n_test_tracks: songs under `test`.
        workers: processes; all processors by default.
        progress: called with (done, total) tracks.

    Raises:
        DataError: when the folder holds something else.
    """
    if n_tracks < 0 or n_test_tracks < 0 or n_tracks + n_test_tracks < 1:
        raise ValueError(
            "There must be at least one track. Received: "
            f"n_tracks={n_tracks}, n_test_tracks={n_test_tracks}"
        )
    folder = Path(folder)
    _claim(folder, {"format": 1, "seed": seed, "seconds": float(seconds)})
    counts = {"train": (0, n_tracks), "test": (_FIRST_TEST_INDEX, n_test_tracks)}
    jobs = _jobs(folder, counts, seed, seconds)
    total = n_tracks + n_test_tracks
    for split in ("train", "test"):
        (folder / split).mkdir(exist_ok=True)
    done = total - len(jobs)
    n_workers = work.n_cores() if workers is None else workers
    for _ in work.each(_write_track, jobs, workers=n_workers):
        done += 1
        if progress:
            progress(done, total)
