"""Small data sets for the data tests."""

from pathlib import Path

import numpy as np
import soundfile

from keras_munet.config import FOUR_SOURCES, DataConfig, STFTConfig

SHORT = STFTConfig(n_frames=64)
"""Chunks of 1.48 s."""

CHUNK_S = SHORT.chunk_length / SHORT.sample_rate


def config(**settings) -> DataConfig:
    """Settings with short chunks."""
    return DataConfig(**{"stft": SHORT, **settings})


def song(seed: int, seconds: float, rate: int = 22050, channels: int = 2):
    """Four stems of tones and noise with a moving level, (samples, channels)."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    stems = {}
    for k, name in enumerate(FOUR_SOURCES):
        tone = np.sin(2 * np.pi * rng.uniform(60, 200) * 2**k * t)
        level = 0.08 + 0.05 * np.sin(2 * np.pi * rng.uniform(0.5, 2) * t)
        mono = level * tone + 0.01 * rng.standard_normal(len(t))
        gains = rng.uniform(0.7, 1.0, channels)
        stems[name] = (mono[:, None] * gains).astype(np.float32)
    return stems


def write_stems(folder: Path, stems, rate: int = 22050, suffix: str = ".wav") -> Path:
    """Writes one track; float wav keeps the samples as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    subtype = "FLOAT" if suffix == ".wav" else None
    for name, audio in stems.items():
        soundfile.write(folder / f"{name}{suffix}", audio, rate, subtype=subtype)
    return folder


def write_songs(root: Path, n: int, seconds: float = 4.0, split: str = "") -> Path:
    """Writes `n` track folders."""
    for k in range(n):
        write_stems(root / split / f"Song {k}", song(k, seconds))
    return root
