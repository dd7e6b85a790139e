"""Songs on the accelerator: the laws of what plays them, and the same batches."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from data_tools import SHORT, config, write_songs

from keras_munet.config import (
    FOUR_SOURCES,
    TWO_SOURCES,
    FitConfig,
    ModelConfig,
    STFTConfig,
    UNetConfig,
)
from keras_munet.data.augment import SPEED_RANGE
from keras_munet.data.batches import CachedBatches
from keras_munet.data.cache import prepare
from keras_munet.data.device import DeviceBatches
from keras_munet.data.spectral import transform
from keras_munet.dsp import BANDS_HZ
from keras_munet.errors import DataError
from keras_munet.layers.playing import TAPS, UNIT, Equalizer, Player
from keras_munet.training.loop import Listener, fit

RATE, LENGTH = 10880, 32512
SONG = np.array([[0, 60000]], np.int32)


def played(sound, speed=1.0, ratio=1.0, start=100, songs=SONG):
    step = round(UNIT * ratio * speed)
    player = Player(LENGTH, round(UNIT * ratio * SPEED_RANGE[1]))
    arguments = np.array([start], np.int32), np.array([step], np.int32)
    heard = player(np.float32(sound)[:, None], songs, *arguments)
    return np.asarray(heard)[0, :, 0], step / UNIT


@pytest.mark.parametrize("ratio", [1.0, 1.25])
@pytest.mark.parametrize("speed", [0.8, 1.0, 1.1, 1.25])
def test_a_tone_moves_by_the_speed_to_the_sample(speed, ratio):
    hertz = 1500 / speed / ratio
    tone = np.sin(2 * np.pi * hertz * np.arange(60000) / RATE)
    heard, step = played(tone, speed, ratio)
    wanted = np.sin(2 * np.pi * hertz * (100 + step * np.arange(LENGTH)) / RATE)
    assert np.abs(heard - wanted).max() < 1e-3


def test_what_does_not_fit_is_left_out_and_what_is_empty_mirrors():
    time = np.arange(60000) / RATE
    high, _ = played(np.sin(2 * np.pi * 6500 / 1.25 * time), ratio=1.25)
    assert np.abs(high).max() < 0.01  # above half of 10,880 Hz
    low, step = played(np.sin(2 * np.pi * 5200 * time), 0.8)
    spectrum = np.abs(np.fft.rfft(low * np.hanning(LENGTH))) / LENGTH * 4
    found = np.flatnonzero(spectrum > 0.5) * RATE / LENGTH
    mirrored = [5200 * step, (RATE - 5200) * step]
    assert [found.min(), found.max()] == pytest.approx(mirrored, abs=2)


def test_samples_are_as_they_are_and_a_song_goes_on_in_circles(rng):
    sound = rng.integers(-30000, 30000, (2, 70000, 2)).astype(np.int16)[0]
    songs, starts = np.array([[5, 40000], [100, 300]], np.int32), [39000, 7]
    steps = np.full(2, UNIT, np.int32)
    plain = Player(2000)(sound, songs, np.array(starts, np.int32), steps)
    for heard, (first, length), start in zip(plain, songs, starts, strict=True):
        song = sound[first : first + length].astype(np.float32)
        places = (start + np.arange(2000)) % length
        assert np.array_equal(np.asarray(heard), song[places])
    exact = Player(2000, UNIT + 1)(sound, songs, np.array(starts, np.int32), steps)
    assert np.abs(np.asarray(exact) - np.asarray(plain)).max() < 0.05  # of 30000


def test_an_equaliser_is_that_of_the_other_readers(rng):
    signals = rng.standard_normal((3, 4096)).astype(np.float32)
    gains = rng.uniform(-6, 6, (3, len(BANDS_HZ))).astype(np.float32)
    heard = np.asarray(Equalizer(RATE)(signals, gains))
    wanted = transform(signals.T[None], np.ones((1, 3)), gains[None], RATE)[0].T
    assert np.abs(heard - wanted).max() < 1e-4


def test_layers_are_rebuilt_from_their_configs():
    for layer in (Player(256, 160), Equalizer(RATE)):
        copy = keras.layers.deserialize(keras.layers.serialize(layer))
        assert copy.get_config() == layer.get_config()
    assert TAPS % 2 == 0


def fit_config(sources=FOUR_SOURCES, **settings):
    unet = UNetConfig(width=4, depth=3)
    model = ModelConfig(sources=sources, stft=SHORT, unet=unet)
    return FitConfig(
        **{"model": model, "batch_size": 2, "keep_silent": True, **settings}
    )


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    return write_songs(tmp_path_factory.mktemp("songs") / "songs", 4, seconds=5)


@pytest.fixture(scope="module")
def dataset(songs, tmp_path_factory):
    settings = config(sources=FOUR_SOURCES, n_channels=2)
    return prepare(songs, tmp_path_factory.mktemp("cache") / "c", settings, workers=1)


def read(data, config, split="train", epoch=1):
    batches = data.batches(split, epoch=epoch, config=config)
    return np.concatenate([np.asarray(batch) for batch in batches])


AUGMENTATIONS = [
    (),
    ("channels", "gain", "polarity", "silence"),
    ("remix-most", "shift"),
    ("equalizer",),
]


@pytest.mark.parametrize("augment", AUGMENTATIONS)
@pytest.mark.parametrize("sources", [FOUR_SOURCES, TWO_SOURCES, ("bass",)])
def test_batches_are_those_of_the_cache_reader(dataset, augment, sources):
    settings = fit_config(sources, augment=augment)
    device, cached = DeviceBatches(dataset, settings), CachedBatches(dataset, settings)
    assert device.energies == cached.energies
    assert device.n_training == cached.n_training
    for split in ("train", "valid"):
        got, wanted = (read(data, settings, split) for data in (device, cached))
        assert np.abs(got - wanted[: len(got)]).max() < 1e-4
        n_left = (len(wanted) % 2) * (split == "train")
        assert len(wanted) - len(got) == n_left
    assert device.steps_per_epoch == len(read(device, settings)) // 2


def test_what_the_sources_do_not_cover_is_kept(songs, tmp_path):
    two = config(sources=("vocals", "drums"), silence_energy=0)
    dataset = prepare(songs, tmp_path / "cache", two, workers=1)
    settings = fit_config(("vocals",), augment=("gain", "remix"))
    got, wanted = (
        read(kind(dataset, settings), settings)
        for kind in (DeviceBatches, CachedBatches)
    )
    assert np.abs(got - wanted[: len(got)]).max() < 1e-4


def test_songs_of_a_higher_rate_are_played_at_the_networks(songs, tmp_path):
    stft = STFTConfig(sample_rate=13600, n_frames=64)
    settings = config(sources=FOUR_SOURCES, stft=stft, silence_energy=0)
    high = prepare(songs, tmp_path / "high", settings, workers=1)
    same = prepare(songs, tmp_path / "same", config(sources=FOUR_SOURCES), workers=1)
    plain = fit_config()
    got = read(DeviceBatches(high, plain), plain, "valid")[0]
    wanted = read(CachedBatches(same, plain), plain, "valid")[0]
    # The topmost band is the resampler's own.
    spectra = np.fft.rfft([got, wanted], axis=1)[:, : int(0.4 * SHORT.chunk_length)]
    error = np.linalg.norm(spectra[0] - spectra[1]) / np.linalg.norm(spectra[1])
    assert error < 0.01
    moved = fit_config(augment=("speed", "remix"))
    data = DeviceBatches(high, moved)
    assert np.array_equal(read(data, moved), read(DeviceBatches(high, moved), moved))
    assert not np.array_equal(read(data, moved), read(data, moved, epoch=2))
    with pytest.raises(
        DataError, match=r"13600 Hz and the network hears.*--sample-rate"
    ):
        low = STFTConfig(sample_rate=6000, n_frames=64)
        model = ModelConfig(sources=FOUR_SOURCES, stft=low, unet=plain.model.unet)
        DeviceBatches(high, fit_config(model=model))


def test_another_backend_is_given_the_same_batches(dataset):
    settings = fit_config(TWO_SOURCES, augment=("remix-most", "speed", "equalizer"))
    code = f"""
import os, sys
os.environ["KERAS_BACKEND"] = "jax"
sys.path.insert(0, {str(Path(__file__).parent)!r})
import jax, numpy as np
from keras_munet.config import FitConfig
from keras_munet.data.dataset import open_dataset
from keras_munet.data.device import DeviceBatches
config = FitConfig.from_dict({settings.to_dict()!r})
data = DeviceBatches(open_dataset({str(dataset.folder)!r}), config)
batches = data.batches("train", epoch=1, config=config)
for _ in range(2):
    given = list(batches)
    assert len(given) == len(batches) and isinstance(given[0], jax.Array)
np.save(sys.argv[1], np.concatenate(given))
assert "tensorflow" not in sys.modules
"""
    out = dataset.folder.parent / "batches.npy"
    done = subprocess.run(
        [sys.executable, "-c", code, out], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    wanted = read(DeviceBatches(dataset, settings), settings)
    assert np.abs(np.load(out) - wanted).max() < 1e-4


def test_a_stopped_run_goes_on_to_the_same_weights(dataset, tmp_path):
    def stop(row):
        if row["epoch"] == 1:
            raise KeyboardInterrupt

    augment = ("remix-most", "speed", "shift", "gain")
    settings = fit_config(TWO_SOURCES, augment=augment, epochs=2)

    def run(folder, listener=None):
        return fit(
            DeviceBatches(dataset, settings), settings, folder, listener=listener
        )

    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", Listener(epoch=stop))
    again = run(tmp_path / "stopped")
    for ours, theirs in zip(again.history, whole.history, strict=True):
        assert {**ours, "seconds": 0} == {**theirs, "seconds": 0}
    states = [
        np.load(tmp_path / name / "state" / "epoch-00002.npz")
        for name in ("whole", "stopped")
    ]
    assert all(np.array_equal(states[0][k], states[1][k]) for k in states[0].files)


def test_the_command_learns_sums_of_a_cache_of_a_higher_rate(run, songs, tmp_path):
    cache, sources = tmp_path / "cache", ",".join(FOUR_SOURCES)
    made = run("prepare", songs, cache, "--sources", sources, "--frames", 64, "-q")
    assert made.code == 0, made.err
    made = run(
        *("prepare", songs, cache, "--sources", sources, "--frames", 64),
        *("--sample-rate", 13600, "--overwrite", "-q"),
    )
    assert made.code == 0, made.err
    done = run(
        *("fit", cache, "--reader", "device", "--sources", ",".join(TWO_SOURCES)),
        *("--run", tmp_path / "run", "--preset", "tiny-2src", "--epochs", 1),
        *("--batch-size", 2, "--keep-silent", "--augment", "speed,remix-most"),
        "--no-tflite",
    )
    assert done.code == 0, done.err
    config = FitConfig.from_file(tmp_path / "run" / "config.json")
    assert config.model.sources == TWO_SOURCES
    assert config.model.stft == SHORT
