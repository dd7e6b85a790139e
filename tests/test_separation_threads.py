"""Threads change nothing: one `Separator`, many songs at once, the same stems."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import export_tools
import numpy as np
import pytest
from devserver import DevServer
from separation_tools import music, tiny_models, tiny_network

from keras_munet.separation.files import Output
from keras_munet.separation.remote import open_remote
from keras_munet.separation.runtime import open_runtime
from keras_munet.separation.separator import Separator

N_THREADS = 4
N_ROUNDS = 2
RATE = 22050


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory):
    from keras_munet.export.tflite import export_tflite

    folder = tmp_path_factory.mktemp("ensemble")
    names = {}
    for seed, name in enumerate(("vocals", "drums")):
        network, config = tiny_network((name,), seed, depth=1)
        names[name] = f"{name}.tflite"
        export_tflite(network, config, folder / names[name])
    (folder / "ensemble.json").write_text(json.dumps({"models": names}))
    return folder


@pytest.fixture(scope="module")
def server():
    with DevServer(export_tools.saved_model_folder(), "munet") as server:
        yield server


@pytest.fixture(params=["tflite", "keras", "saved_model", "ensemble", "grpc", "rest"])
def start(request):
    """Opens the network as if it had never run: what is lazy is still undone."""
    if request.param in ("grpc", "rest"):
        server = request.getfixturevalue("server")
        return lambda: open_remote(getattr(server, f"{request.param}_address"), "munet")
    if request.param == "ensemble":
        folder = request.getfixturevalue("ensemble")
        return lambda: open_runtime(folder)
    return lambda: open_runtime(getattr(tiny_models(), request.param))


def _at_once(function, items):
    """Returns the results of threads that all start at the same moment."""
    gate = threading.Barrier(N_THREADS)

    def call(item):
        gate.wait(60)
        return function(item)

    with ThreadPoolExecutor(N_THREADS) as pool:
        return list(pool.map(call, items))


def test_threads_change_no_mask(start):
    alone, shared = start(), start()
    length = alone.config.stft.chunk_length
    song = music(70, 10880, 1)[: N_THREADS * 2 * length, 0]
    levels = np.geomspace(0.05, 1, N_THREADS, dtype=np.float32)[:, None, None]
    batches = song.reshape(N_THREADS, 2, length) * levels
    expected = [alone.masks(batch) for batch in batches]
    assert not np.array_equal(expected[0], expected[1])
    for _ in range(N_ROUNDS):
        for masks, wanted in zip(
            _at_once(shared.masks, batches), expected, strict=True
        ):
            np.testing.assert_array_equal(masks, wanted)


@pytest.mark.parametrize("kind", ["tflite", "keras", "saved_model"])
def test_threads_change_no_song(kind):
    path = getattr(tiny_models(), kind)
    songs = [music(7 + n, RATE, 1 + n % 2, seed=n) for n in range(N_THREADS)]
    alone, shared = Separator.load(path), Separator.load(path)
    expected = [alone.separate(song, RATE) for song in songs]
    together = _at_once(lambda song: shared.separate(song, RATE), songs)
    for stems, wanted in zip(together, expected, strict=True):
        assert list(stems) == list(wanted)
        for name, stem in stems.items():
            np.testing.assert_array_equal(stem, wanted[name])


def test_threads_change_no_file(tmp_path):
    import soundfile

    songs = []
    for number in range(N_THREADS):
        songs.append(tmp_path / f"{number}.flac")
        soundfile.write(songs[-1], music(4, RATE, seed=number) * 0.5, RATE)
    separator = Separator.load(tiny_models().tflite)
    output = Output(format="flac", plot=True)

    def separate(place):
        return lambda song: separator.separate_file(song, place, output=output).files

    alone = [separate(tmp_path / "alone")(song) for song in songs]
    together = _at_once(separate(tmp_path / "together"), songs)
    for files, wanted in zip(together, alone, strict=True):
        assert [f.read_bytes() for f in files] == [f.read_bytes() for f in wanted]
    left = [file for file in tmp_path.rglob("*.part*")]
    assert left == []
