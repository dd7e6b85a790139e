"""Training straight from files: the same chunks as from a cache, or a clear refusal."""

import importlib.metadata
import sys
import types
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from data_tools import SHORT, config, song, write_stems

from keras_munet.config import FOUR_SOURCES
from keras_munet.data import tfio
from keras_munet.data.cache import prepare
from keras_munet.data.pipeline import as_dataset
from keras_munet.data.reader import ChunkBatches
from keras_munet.data.tfio import Window
from keras_munet.errors import DataError, MissingExtraError, MunetError


def why_not() -> str:
    try:
        tfio.require_tfio()
    except MunetError as error:
        return str(error)
    return ""


needs_tfio = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.mark.parametrize("rate", [8000, 10880, 22050, 32000, 44100, 48000, 96000])
def test_pieces_are_aligned_to_the_sample(rate):
    for length in (SHORT.chunk_length, 65280):
        window = Window.of(rate, 10880, length)
        for start in (0, length, 7 * length):
            first, offset = window.place(start)
            read_from = first - window.latency  # in samples of the file
            assert read_from * 10880 == (start - offset) * rate
            assert offset >= 0.02 * 10880
            heard = window.n_in * 10880 / rate
            assert offset + length + window.latency * 10880 / rate <= heard


def test_not_installed(monkeypatch):
    for name in ("tensorflow_io", "tensorflow_io.python.ops"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'keras-munet\[tfio\]'"):
        tfio.require_tfio()


@pytest.mark.parametrize(
    "error",
    [
        NotImplementedError("unable to open file: libtensorflow_io.so"),
        tf.errors.NotFoundError(None, None, "undefined symbol"),
    ],
)
def test_operators_that_do_not_load_are_named_with_both_versions(monkeypatch, error):
    class Operators:
        def __getattr__(self, name):
            raise error

    for name in ("tensorflow_io", "tensorflow_io.python", "tensorflow_io.python.ops"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["tensorflow_io.python.ops"].core_ops = Operators()
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.37.1")
    message = rf"tensorflow-io 0.37.1 does not work with TensorFlow {tf.__version__}"
    with pytest.raises(DataError, match=message) as caught:
        tfio.open_files("anywhere", config())
    assert "keras-munet prepare" in str(caught.value)


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    """Files of several kinds and rates, and a cache made from them."""
    root = tmp_path_factory.mktemp("tfio")
    kinds = [
        ("wav", "PCM_16", 44100),
        ("flac", "PCM_24", 48000),
        ("wav", "FLOAT", 22050),
    ]
    for k, (suffix, subtype, rate) in enumerate(kinds):
        folder = root / "songs" / f"Song {k}"
        folder.mkdir(parents=True)
        for name, audio in song(k, 4.0, rate=rate, channels=1 + k % 2).items():
            path = folder / f"{name}.{suffix}"
            soundfile.write(path, audio, rate, subtype=subtype)
    settings = config(sources=FOUR_SOURCES, silence_energy=0, validation_share=0)
    files = tfio.open_files(root / "songs", settings, workers=1)
    return files, prepare(root / "songs", root / "cache", settings, workers=1)


def read(dataset, **settings):
    defaults = {"batch_size": 2, "epoch": 1, "seed": 0, "keep_silent": True}
    settings = {**defaults, **settings}
    batches = as_dataset(ChunkBatches(dataset, "train", shuffle=True, **settings))
    assert batches.element_spec.shape[1:] == (SHORT.chunk_length, 5)
    return np.concatenate([batch.numpy() for batch in batches])


@needs_tfio
@pytest.mark.parametrize("augment", [(), ("gain", "polarity"), ("remix",)])
def test_batches_are_those_of_a_cache(datasets, augment):
    files, _ = datasets
    got, wanted = (read(dataset, augment=augment) for dataset in datasets)
    assert got.shape == wanted.shape == (6, SHORT.chunk_length, 5)
    for k in range(5):
        error = np.std(got[..., k] - wanted[..., k]) / np.std(wanted[..., k])
        assert error < 0.1  # noise near the Nyquist frequency, where resamplers differ
    assert np.array_equal(got, read(files, augment=augment))
    assert np.allclose(got[..., :-1].sum(axis=-1), got[..., -1], atol=1e-5)


@needs_tfio
def test_left_and_right(datasets, tmp_path):
    source, settings = datasets[0].folder, replace(datasets[0].config, n_channels=2)
    files = tfio.open_files(source, settings, workers=1)
    cached = prepare(source, tmp_path / "cache", settings, workers=1)
    got, wanted = (read(x, augment=("channels",)) for x in (files, cached))
    for k in range(5):
        error = np.std(got[..., k] - wanted[..., k]) / np.std(wanted[..., k])
        assert error < 0.1


@needs_tfio
def test_energies_and_flags_are_those_of_a_cache(datasets):
    files, cached = datasets
    assert files.energies == pytest.approx(cached.energies, rel=1e-5)
    assert [s.silent for s in files.shards] == [s.silent for s in cached.shards]
    assert files.covers_mixture and files.n_chunks("train") == 6


@needs_tfio
def test_other_formats_are_refused(tmp_path):
    write_stems(tmp_path / "a", song(0, 2.0), suffix=".ogg")
    with pytest.raises(DataError, match=r"bass.ogg is no wav or flac.*prepare`, which"):
        tfio.open_files(tmp_path, config())


@needs_tfio
def test_short_tracks_are_left_out(tmp_path):
    write_stems(tmp_path / "a", song(0, 0.5))
    with pytest.raises(DataError, match=r"All 1 tracks .*shorter than a chunk of 1.48"):
        tfio.open_files(tmp_path, config(), workers=1)
    write_stems(tmp_path / "b", song(0, 2.0))
    settings = config(validation_share=0)
    files = tfio.open_files(tmp_path, settings, workers=1)
    assert files.warnings == ("a is shorter than a chunk: left out.",)
    assert [track.name for track in files.tracks] == ["b"]
