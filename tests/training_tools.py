"""A small prepared cache and a quick config, for tests that train."""

import dataclasses
from pathlib import Path

from keras_munet.config import (
    TWO_SOURCES,
    DataConfig,
    FitConfig,
    ModelConfig,
    STFTConfig,
    UNetConfig,
)
from keras_munet.data import cache
from keras_munet.data.dataset import Dataset
from keras_munet.music import collection as synth

STFT = STFTConfig(n_frames=64)
"""Chunks of 1.5 s keep steps short."""


def small_cache(folder: Path) -> Dataset:
    """Makes three generated tracks of 12 s and prepares them: two train, one valid."""
    synth.write_tracks(folder / "songs", 3, seconds=12, seed=3)
    config = DataConfig(stft=STFT, validation_share=0.3)
    return cache.prepare(folder / "songs", folder / "cache", config, workers=1)


def quick(architecture: str = "munet", **settings: object) -> FitConfig:
    """Returns a config that trains in seconds: width 4, three levels."""
    sources = ("vocals",) if architecture == "dedicated" else TWO_SOURCES
    unet = UNetConfig(architecture=architecture, width=4, depth=3, output_bias=0.5)
    config = FitConfig(
        model=ModelConfig(sources=sources, stft=STFT, unet=unet),
        optimizer="adam",
        learning_rate=2e-3,
        batch_size=4,
        epochs=3,
        seed=5,
    )
    return dataclasses.replace(config, **settings)


class OneStep:
    """A data set of one training batch and one validation batch."""

    def __init__(self, data):
        self.data = data
        self.energies, self.n_training = data.energies, data.n_training
        self.steps_per_epoch = 1

    def batches(self, split, *, epoch, config):
        return self.data.batches(split, epoch=epoch, config=config).take(1)
