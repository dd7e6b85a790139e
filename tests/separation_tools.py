"""Stand-in networks, tiny real ones, and signals for the tests of separation."""

import functools
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_munet.config import FOUR_SOURCES, TWO_SOURCES, ModelConfig, UNetConfig


class Ones:
    """Masks of one for every source."""

    name = "ones"

    def __init__(self, sources=TWO_SOURCES):
        self.config = ModelConfig(sources=sources)

    def masks(self, waveforms):
        stft = self.config.stft
        shape = (stft.n_bins, stft.n_frames, len(self.config.sources))
        return np.stack([self.window(x, shape) for x in waveforms])

    def window(self, waveform, shape):
        return np.ones(shape, np.float32)


class Random(Ones):
    """Random masks in [0, 1.5) that depend on the window and on nothing else."""

    def window(self, waveform, shape):
        seed = np.frombuffer(waveform.tobytes(), np.uint32).sum(dtype=np.uint64)
        return 1.5 * np.random.default_rng(seed).random(shape, dtype=np.float32)


class Constant(Ones):
    """The same masks everywhere: one value per source."""

    def __init__(self, *values, sources=None):
        super().__init__(sources or (TWO_SOURCES, FOUR_SOURCES)[len(values) > 2])
        self.values = np.array(values, np.float32)

    def window(self, waveform, shape):
        return np.broadcast_to(self.values, shape)


class Relative(Ones):
    """Scale-invariant: depends on a window's sign pattern, not on its level."""

    def window(self, waveform, shape):
        share = np.float32(np.mean(waveform > 0))
        ramp = np.linspace(0, 1, shape[0] * shape[1], dtype=np.float32)
        first = (ramp * share).reshape(shape[:2])
        return np.stack([first, 1 - first], axis=-1)


def music(seconds, sample_rate, n_channels=2, seed=0):
    """Chords, noise and clicks: float32 `(samples, channels)`, peak about 0.7."""
    rng = np.random.default_rng(seed)
    n = round(seconds * sample_rate)
    time = np.arange(n)[:, None] / sample_rate
    pans = rng.uniform(0.3, 1, (5, n_channels))
    audio = 0.01 * rng.standard_normal((n, n_channels))
    for hz, pan in zip((110, 220.5, 331, 990, 3000), pans, strict=True):
        audio += 0.1 * pan * np.sin(2 * np.pi * hz * time) * (1 + np.sin(3 * time)) / 2
    audio[:: max(1, sample_rate // 3)] += 0.2
    return audio.astype(np.float32)


class Models(NamedTuple):
    """One tiny network in every form."""

    keras: Path
    tflite: Path
    saved_model: Path
    run: Path


@functools.cache
def _folder():
    return tempfile.TemporaryDirectory(prefix="munet-models-")


def tiny_network(sources=TWO_SOURCES, seed=0, depth=4):
    """An untrained network whose masks vary: width 4, uneven norms."""
    import keras

    from keras_munet.models import build_network

    keras.utils.set_random_seed(seed)
    unet = UNetConfig(width=4, depth=depth, output_bias=0.5)
    config = ModelConfig(sources=sources, unet=unet)
    network = build_network(config)
    rng = np.random.default_rng(seed)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            beta = beta + rng.normal(0, 0.3, beta.shape)
            variance = variance * rng.uniform(0.5, 2, variance.shape)
            layer.set_weights([gamma, beta, mean, variance])
    return network, config


@functools.cache
def tiny_models():
    """Builds and exports the tiny network once."""
    from keras_munet.export.saved_model import export_saved_model
    from keras_munet.export.tflite import export_tflite
    from keras_munet.models import save_model

    folder = Path(_folder().name)
    models = Models(
        folder / "m.keras", folder / "m.tflite", folder / "saved", folder / "run"
    )
    network, config = tiny_network()
    save_model(network, config, models.keras)
    export_tflite(network, config, models.tflite)
    export_saved_model(network, config, models.saved_model)
    models.run.mkdir()
    (models.run / "model.keras").write_bytes(models.keras.read_bytes())
    (models.run / "model.tflite").write_bytes(models.tflite.read_bytes())
    return models
