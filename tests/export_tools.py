"""Networks whose masks vary, and the artefacts made from them, each made once."""

import functools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

from keras_munet import dsp
from keras_munet.config import ModelConfig, UNetConfig
from keras_munet.export.opened import open_artefact
from keras_munet.export.saved_model import export_saved_model
from keras_munet.export.signals import music_sources
from keras_munet.export.tflite import export_tflite
from keras_munet.export.trained import Trained
from keras_munet.models import build_network, save_model, separator_model
from keras_munet.models.separator import log_features

CONFIG = ModelConfig(unet=UNetConfig(width=4, depth=4))
LENGTH = CONFIG.stft.chunk_length
RATE = CONFIG.stft.sample_rate

_folder = tempfile.TemporaryDirectory(prefix="munet-export-")
FOLDER = Path(_folder.name)


@functools.cache
def mixture():
    """Generated music at the model's rate, 20 s: no multiple of a window."""
    return music_sources(CONFIG)["mixture"].astype(np.float32)


def window(start_s=0.0):
    """One window of it, `(1, LENGTH)`."""
    start = int(start_s * RATE)
    return mixture()[None, start : start + LENGTH]


def vary(network, config, seed=0):
    """Randomises BatchNorm and the last layer so that masks differ everywhere."""
    rng = np.random.default_rng(seed)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            n = layer.gamma.shape[0]
            layer.set_weights(
                [
                    rng.uniform(0.5, 1.5, n),
                    rng.normal(0, 0.3, n),
                    rng.normal(0, 0.3, n),
                    rng.uniform(0.5, 2, n),
                ]
            )
    last = network.get_layer("masks_conv")
    kernel, bias = last.get_weights()
    kernel = rng.normal(size=kernel.shape).astype(np.float32)
    last.set_weights([kernel, bias])
    inner = keras.Model(network.input, last.output)
    features = log_features(warped(window()[0])[None, ..., None], CONFIG)
    z = inner.predict(features, verbose=0)
    z = z.reshape(-1, z.shape[-1])
    scale = 0.4 / z.std(axis=0)
    last.set_weights([kernel * scale, 0.5 - z.mean(axis=0) * scale])
    return network


def warped(signal):
    """Warped magnitudes of `(samples,)`, `(rows, frames)`."""
    stft = CONFIG.stft
    spectrum = dsp.stft(signal, n_fft=stft.n_fft, hop_length=stft.hop_length)
    return np.float32(dsp.warp_matrix(stft) @ np.abs(spectrum))


@functools.cache
def varying():
    """A seeded network of two sources whose masks vary."""
    keras.utils.set_random_seed(0)
    return Trained(vary(build_network(CONFIG), CONFIG), CONFIG, Path("varying"))


@functools.cache
def ones():
    """The same network with a last layer that always says one."""
    keras.utils.set_random_seed(0)
    network = vary(build_network(CONFIG), CONFIG)
    kernel, bias = network.get_layer("masks_conv").get_weights()
    weights = [np.zeros_like(kernel), np.ones_like(bias)]
    network.get_layer("masks_conv").set_weights(weights)
    return Trained(network, CONFIG, Path("ones"))


@functools.cache
def trained():
    """A network that has learnt from generated music for a few dozen steps."""
    keras.utils.set_random_seed(0)
    network = build_network(CONFIG)
    last = network.get_layer("masks_conv")
    last.bias.assign(np.full(2, 0.5, np.float32))  # or a mask may die
    stems = music_sources(CONFIG)
    n_frames = 64
    names = [*CONFIG.sources, "mixture"]
    spectra = np.stack([warped(stems[name]) for name in names], axis=-1)
    n_blocks = spectra.shape[1] // n_frames
    blocks = np.split(spectra[:, : n_blocks * n_frames], n_blocks, axis=1)
    spectra = np.stack(blocks)  # (blocks, rows, frames, K + 1)
    inputs = keras.Input((CONFIG.stft.n_rows, n_frames, 1))
    loudness = keras.Input((CONFIG.stft.n_rows, n_frames, 1))
    model = keras.Model([inputs, loudness], network(inputs) * loudness)
    model.compile(keras.optimizers.Adam(3e-3), "mae", jit_compile=False)
    mixtures = spectra[..., 2:]
    model.fit(
        [np.asarray(log_features(mixtures, CONFIG)), mixtures],
        spectra[..., :2],
        batch_size=4,
        epochs=12,
        verbose=0,
    )
    return Trained(network, CONFIG, Path("trained"))


NETWORKS = {"varying": varying, "ones": ones, "trained": trained}


@functools.cache
def tflite_file(network="varying", quantize=None, n_frames=None):
    """Path of an exported `.tflite`."""
    path = FOLDER / f"{network}-{quantize}-{n_frames}.tflite"
    known = NETWORKS[network]()
    export_tflite(known.network, CONFIG, path, quantize=quantize, n_frames=n_frames)
    return path


@functools.cache
def saved_model_folder(network="varying"):
    """Path of an exported SavedModel."""
    known = NETWORKS[network]()
    return export_saved_model(known.network, CONFIG, FOLDER / f"{network}-saved")


@functools.cache
def keras_file():
    """Path of the varying network as a `.keras`."""
    save_model(varying().network, CONFIG, FOLDER / "varying.keras")
    return FOLDER / "varying.keras"


@functools.cache
def artefact(path):
    """Opens an artefact once."""
    return open_artefact(path, threads=2)


@functools.cache
def keras_separator(network="varying"):
    """Keras' own waveform model."""
    return separator_model(NETWORKS[network]().network, CONFIG)


def in_keras(waveform, network="varying"):
    """Returns its outputs as arrays."""
    outputs = keras_separator(network)(waveform, training=False)
    return {name: np.asarray(value) for name, value in outputs.items()}


EDGE_CASES = ("music", "silence", "first sample", "last sample", "full scale")


@functools.cache
def edge_case(name):
    """A window of each kind that the tolerances speak of."""
    rng = np.random.default_rng(1)
    first, last = np.zeros((2, 1, LENGTH), np.float32)
    first[0, 0] = last[0, -1] = 1
    cases = {
        "music": window(2),
        "silence": np.zeros((1, LENGTH), np.float32),
        "first sample": first,
        "last sample": last,
        "full scale": rng.uniform(-1, 1, (1, LENGTH)).astype(np.float32),
    }
    return cases[name]


def run_in_c(folder, requests):
    """Runs requests through TensorFlow's C API in a process without our Python.

    Args:
        folder: of the SavedModel.
        requests: list of (input tensor names -> array, list of output names).

    Returns:
        One dict output name -> array per request.
    """
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        arrays, plan = {}, []
        for number, (inputs, outputs) in enumerate(requests):
            keys = {}
            for name, value in inputs.items():
                keys[name] = f"{number}-{len(keys)}"
                arrays[keys[name]] = np.asarray(value)
            plan.append({"inputs": keys, "outputs": outputs})
        np.savez(place / "in.npz", **arrays)
        (place / "plan.json").write_text(json.dumps(plan))
        script = Path(__file__).with_name("export_c_api.py")
        done = subprocess.run(
            [sys.executable, str(script), str(folder), str(place)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        with np.load(place / "out.npz", allow_pickle=True) as out:
            return [
                {name: out[f"{number}-{index}"] for index, name in enumerate(names)}
                for number, (_, names) in enumerate(requests)
            ]
