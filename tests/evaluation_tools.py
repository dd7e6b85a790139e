"""Small data sets and folders of estimates for the tests of evaluation.

Two stems and a low rate keep the systems to be solved small.
"""

from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import lfilter

RATE = 16_000
SECONDS = 1.5


TWO = ("vocals", "accompaniment")
FOUR = ("vocals", "drums", "bass", "other")


def make_stems(
    seed: int, *, seconds: float = SECONDS, names: tuple[str, ...] = TWO
) -> dict[str, np.ndarray]:
    """Coloured noises that swell, stereo `(samples, channels)`, and their sum."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    swell = 0.55 + 0.45 * np.sin(np.linspace(0, 9, n))[:, None]
    stems = {}
    for index, name in enumerate(names):
        noise = rng.standard_normal((n, 2))
        colour = lfilter([0.05], [1, -0.3 - 0.2 * index], noise, axis=0)
        stems[name] = (colour * (swell if index % 2 else 1.1 - swell)).astype("f4")
    stems["mixture"] = np.sum(list(stems.values()), axis=0, dtype="f4")
    return stems


def write_stems(folder: Path, stems: dict[str, np.ndarray], rate: int = RATE) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, audio in stems.items():
        soundfile.write(folder / f"{name}.wav", audio, rate, subtype="FLOAT")


def write_data(folder: Path, n_tracks: int = 3, names: tuple[str, ...] = TWO) -> Path:
    """Writes `folder/test/song N` and one training track."""
    for index in range(n_tracks):
        write_stems(folder / "test" / f"song {index}", make_stems(index, names=names))
    write_stems(folder / "train" / "learned", make_stems(99, names=names))
    return folder


def write_estimates(
    folder: Path,
    n_tracks: int = 3,
    noise: float = 0.01,
    names: tuple[str, ...] = TWO,
) -> Path:
    """Writes noisy stems of the same tracks, without the mixture."""
    for index in range(n_tracks):
        stems = make_stems(index, names=names)
        rng = np.random.default_rng(1000 + index)
        del stems["mixture"]
        noisy = {
            name: audio + noise * rng.standard_normal(audio.shape).astype("f4")
            for name, audio in stems.items()
        }
        write_stems(folder / f"song {index}", noisy)
    return folder
