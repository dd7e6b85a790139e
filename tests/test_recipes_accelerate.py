"""Songs in packs, and training from them through JAX, as a GPU machine does it."""

import csv
import io
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import soundfile
import soxr
from weights_tools import SCRIPTS, script

from keras_munet.config import ModelConfig, STFTConfig, UNetConfig
from keras_munet.errors import DataError
from keras_munet.export.trained import load_trained
from keras_munet.models import build_network, save_model
from keras_munet.music.collection import write_tracks

SECONDS = 8


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs") / "songs"
    write_tracks(folder, 3, seconds=SECONDS, seed=1)
    return sorted((folder / "train").iterdir())


@pytest.fixture(scope="module")
def packs(songs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packs")
    pack = script("pack").pack
    pack(songs, folder / "songs", seconds=SECONDS, megabytes=0.3)
    pack(songs[:1], folder / "valid", seconds=SECONDS, megabytes=1)
    return folder


def jax(code, *arguments):
    """Runs code in a process of its own, with Keras's JAX backend."""
    setup = f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
    command = [sys.executable, "-c", setup + code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_packs_hold_one_channel_of_every_stem_and_stay_small(songs, packs):
    heard = {}
    for path in packs.glob("songs-*.zip"):
        assert path.stat().st_size < 0.3e6 + 1000
        with zipfile.ZipFile(path) as archive:
            heard |= {name: archive.read(name) for name in archive.namelist()}
    assert len(heard) == 3 * 4
    for folder in songs:
        for stem in ("vocals", "drums", "bass", "other"):
            sound, rate = soundfile.read(
                io.BytesIO(heard[f"{folder.name}/{stem}.ogg"]), dtype="float32"
            )
            stereo, full = soundfile.read(folder / f"{stem}.wav", dtype="float32")
            assert rate == script("pack").RATE
            errors = []
            for channel in (*stereo.T, stereo.mean(axis=1)):
                whole = soxr.resample(channel, full, rate)
                assert len(sound) == len(whole)
                errors.append(np.square(sound - whole).sum() / np.square(whole).sum())
            assert min(errors) < 0.1


def test_packs_are_not_mixed_with_older_ones(songs, packs):
    with pytest.raises(DataError, match=r"songs-00\.zip exists"):
        script("pack").pack(songs, packs / "songs", seconds=1, megabytes=1)


def test_a_part_of_a_song_lies_inside_of_it(songs, tmp_path):
    script("pack").pack(songs, tmp_path / "part", seconds=2, megabytes=9)
    with zipfile.ZipFile(tmp_path / "part-00.zip") as archive:
        for name in archive.namelist():
            sound, rate = soundfile.read(io.BytesIO(archive.read(name)))
            assert len(sound) == 2 * rate


RESAMPLING = """
from accelerate import TAPS, UNIT, jnp, np, resampled

def played(hertz, speed):
    step = round(UNIT * 1.25 * speed)
    x = np.sin(2 * np.pi * hertz * np.arange(60000) / 13600)
    y = np.asarray(resampled(jnp.asarray(x, jnp.float32), jnp.int32(step), 32512))
    at = (np.arange(32512) * step / UNIT + TAPS // 2 - 1) / 13600
    return y, np.sin(2 * np.pi * hertz * at)

for speed in (0.8, 1.0, 1.25):
    y, expected = played(1500 / speed, speed)
    assert np.abs(y - expected).max() < 1e-3, speed
y, _ = played(6500, 1.0)  # above half of 10,880 Hz
assert np.abs(y).max() < 0.01
"""


def test_resampling_keeps_what_fits_and_drops_the_rest():
    jax(RESAMPLING)


WARPING = """
from accelerate import Desk, jnp, np
from keras_munet.config import STFTConfig
from keras_munet.models import FrontEnd

stft = STFTConfig(n_frames=16)
desk = Desk(stft, 1.25, 2)
x = np.random.default_rng(0).normal(size=(2, 4, desk.n_samples)).astype("f")
heard = np.asarray(desk._warped(jnp.asarray(x), jnp.ones((2, 4, stft.n_bins))))
sums = x[:, 1:].sum(1, keepdims=True), x.sum(1, keepdims=True)
signals = np.concatenate([x, *sums], axis=1).transpose(0, 2, 1)
expected = np.asarray(FrontEnd(stft)(signals))
assert np.abs(heard - expected).max() < 1e-4 * expected.max()
"""


def test_its_magnitudes_are_those_of_the_front_end():
    jax(WARPING)


TOO_SHORT = """
from accelerate import DataError, Path, read
from keras_munet.config import STFTConfig

packs = sorted(Path(sys.argv[1]).glob("*.zip"))
for found, n_frames, said in ((packs, 512, "Pack 2"), ([], 128, "no songs")):
    try:
        read(found, STFTConfig(n_frames=n_frames))
    except DataError as error:
        assert said in str(error)
    else:
        raise AssertionError(said)
"""


def test_too_little_to_learn_from_is_refused(packs):
    jax(TOO_SHORT, packs)


def test_a_network_learns_and_goes_on_in_tensorflow(packs, tmp_path):
    config = ModelConfig(
        stft=STFTConfig(n_frames=16), unet=UNetConfig(width=4, depth=2)
    )
    keras.utils.set_random_seed(1)
    save_model(build_network(config), config, tmp_path / "start.keras")
    begin = f"quick={tmp_path / 'start.keras'}"
    command = [sys.executable, SCRIPTS / "accelerate.py", packs, tmp_path / "out"]
    options = ["--steps", "150", "--batch-size", "2", "--learning-rate", "0.02"]
    subprocess.run([*command, begin, *options], check=True)
    trained = load_trained(tmp_path / "out" / "quick" / "model.keras")
    assert trained.config == config
    with (tmp_path / "out" / "quick" / "history.csv").open() as file:
        losses = [float(row["val_loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 4 and losses[-1] < 0.9 * losses[0]
