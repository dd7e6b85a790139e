"""Batches in memory, and a process that trains on them with the backend it is given.

usage: KERAS_BACKEND=jax python tests/training_memory.py FOLDER ...

Each folder has a `config.json` and an `init.keras`; it gets a run `jax`. What is
printed is JSON: the folders' histories, and whether TensorFlow was loaded.
"""

import json
import sys
from pathlib import Path

import numpy as np

from keras_munet.config import (
    TWO_SOURCES,
    FitConfig,
    ModelConfig,
    STFTConfig,
    UNetConfig,
)

STFT = STFTConfig(n_frames=16, n_rows=64)
N_TRAINING, N_VALIDATION = 10, 3


class InMemory:
    """Noise whose first source swells: what `TrainingData` asks for, as arrays."""

    def __init__(self, config):
        self.energies = dict(zip(TWO_SOURCES, (3.0, 5.0), strict=True))
        self.n_training = N_TRAINING
        n_batches = -(-N_TRAINING // config.batch_size)
        self.steps_per_epoch = n_batches * config.model.n_passes
        shape = (N_TRAINING + N_VALIDATION, STFT.chunk_length, 2)
        sources = np.random.default_rng(0).normal(0, 0.1, shape)
        sources[..., 0] *= np.linspace(0, 2, STFT.chunk_length)
        mixture = sources.sum(axis=-1, keepdims=True)
        self.chunks = np.concatenate([sources, mixture], axis=-1).astype(np.float32)

    def batches(self, split, *, epoch, config):
        order = np.arange(N_TRAINING, len(self.chunks))
        if split == "train":
            order = np.random.default_rng([config.seed, epoch]).permutation(N_TRAINING)
        starts = range(0, len(order), config.batch_size)
        batches = [self.chunks[order[i : i + config.batch_size]] for i in starts]
        if split == "valid" or config.model.unet.architecture != "cunet":
            return batches
        conditions = np.float32([[1, 0], [0, 1], [1, 1], [0, 0]])
        return [
            (batch, conditions[(np.arange(len(batch)) + shift) % 4])
            for batch in batches
            for shift in range(4)
        ]


def config(architecture="munet", **settings):
    """Returns a config for these batches, of a network of a thousand weights."""
    unet = UNetConfig(architecture, width=2, depth=2, dropout=0.0, output_bias=0.5)
    settings = {"batch_size": 4, "epochs": 3, "learning_rate": 2e-3, **settings}
    return FitConfig(model=ModelConfig(stft=STFT, unet=unet), **settings)


def ticking(put=setattr):
    """Returns a listener under which a step takes a second, and nothing else time."""
    from keras_munet.training import clock
    from keras_munet.training.loop import Listener

    ticks = []
    put(clock, "monotonic", lambda: float(len(ticks)))
    return Listener(step=lambda *step: ticks.append(step))


def main(folders):
    from keras_munet.training.backend import check_backend

    check_backend()
    from keras_munet.models import load_model
    from keras_munet.training.loop import fit

    histories = []
    for folder in map(Path, folders):
        settings = FitConfig.from_file(folder / "config.json")
        start_from, _ = load_model(folder / "init.keras")
        run = folder / "jax"
        data, listener = InMemory(settings), ticking()
        result = fit(data, settings, run, listener=listener, start_from=start_from)
        histories.append(result.history)
    loaded = "tensorflow" in sys.modules
    print(json.dumps({"histories": histories, "tensorflow": loaded}))


if __name__ == "__main__":
    main(sys.argv[1:])
