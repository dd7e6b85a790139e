"""The built karaoke page in a real Chromium, held against `separate`."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from web_tools import browse, missing, serving, snr_db

from keras_munet import preset
from keras_munet.audio.reading import read_audio
from keras_munet.music.engine import make_track

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]
SECONDS = 13.37


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("karaoke")


@pytest.fixture(scope="module")
def model(folder: Path) -> Path:
    """A small network with random weights, whose masks vary over time and bins."""
    import keras

    from keras_munet.export.tflite import export_tflite
    from keras_munet.models import build_network

    config = preset("tiny-2src").model
    keras.utils.set_random_seed(0)
    network = build_network(config)
    last = [layer for layer in network.layers if layer.weights][-1]
    kernel, bias = last.get_weights()
    noise = np.random.default_rng(0).normal(0, 0.5, kernel.shape)
    last.set_weights([noise.astype(np.float32), np.full_like(bias, 0.5)])
    path = folder / "model.tflite"
    export_tflite(network, config, path)
    return path


@pytest.fixture(scope="module")
def page(folder: Path, model: Path) -> Path:
    from keras_munet.export.web import export_web

    return export_web(model, folder / "page").folder


@pytest.fixture(scope="module")
def isolated(page: Path) -> Iterator[str]:
    with serving(page) as url:
        yield url


@pytest.fixture(scope="module")
def plain(page: Path) -> Iterator[str]:
    """As an ordinary web server does it: no headers for threads."""
    with serving(page, isolated=False) as url:
        yield url


@pytest.fixture(scope="module")
def songs(folder: Path) -> dict[str, Path]:
    """One song as stereo wav and mp3, and a mono one at 8 kHz."""
    song = make_track(5, 0, SECONDS)["mixture"]
    paths = {name: folder / f"song {name}.{name}" for name in ("wav", "mp3")}
    for path in paths.values():
        soundfile.write(path, song, 44100)
    paths["mono"] = folder / "mono.wav"
    paths["long"] = folder / "long song.wav"  # so that it plays on while we look
    soundfile.write(paths["long"], np.tile(song, (4, 1)), 44100)
    soundfile.write(paths["mono"], song[: 8000 * 4 : 4].mean(axis=1), 8000)
    return paths


def stems_of(path: Path, model: Path) -> dict[str, np.ndarray]:
    from keras_munet.separation.separator import Separator

    audio, rate = read_audio(path)
    return dict(Separator.load(model).separate(audio, rate))


@pytest.mark.parametrize("server", ["isolated", "plain"])
def test_stems_are_those_of_python(request, server, songs, model, tmp_path):
    url = request.getfixturevalue(server)
    names = ["wav", "mp3"] if server == "isolated" else ["wav", "mono"]
    if server == "plain":
        url += "?store=disk"  # as long songs are kept
    seen = browse("separate", url=url, files=[songs[n] for n in names], out=tmp_path)
    assert seen["problems"] == []
    assert seen["isolated"] == (server == "isolated")
    if server == "plain":
        assert seen["threads"] == 1
        assert {song["place"] for song in seen["songs"]} == {"disk"}
    for index, (name, song) in enumerate(zip(names, seen["songs"], strict=True)):
        assert song["names"] == ["vocals", "accompaniment"]
        stem = songs[name].stem
        assert song["downloads"]["vocals"] == f"{stem} - vocals.wav"
        expected = stems_of(songs[name], model)
        original, rate = read_audio(songs[name])
        for source in song["names"]:
            found, found_rate = read_audio(tmp_path / str(index) / f"{source}.wav")
            assert (found_rate, found.shape) == (rate, original.shape)
            # What is left: 16 bits, float32 in another order, and for mp3 another
            # decoder. Measured: 70 to 90 dB.
            assert snr_db(expected[source], found) > 60
        mix, _ = read_audio(tmp_path / str(index) / "mix.wav")
        # Chromium reads positive 16-bit values as x / 32767: one step, at most.
        assert np.max(np.abs(mix - original)) < 1.5 / 32768


@pytest.fixture(scope="module")
def silences(folder: Path) -> Path:
    """A song with digital silence at its start, in its middle and at its end."""
    song = make_track(5, 0, SECONDS)["mixture"]
    for start, end in ((0, 1.3), (5.6, 7.4), (11.5, SECONDS)):
        song[int(start * 44100) : int(end * 44100) + 1] = 0
    path = folder / "silences.wav"
    soundfile.write(path, song, 44100)
    return path


@pytest.mark.parametrize("name", ["vocals", "4stems"])
def test_digital_silence_sounds_the_same_everywhere(name, silences, folder, tmp_path):
    """Keras, SavedModel, LiteRT and the browser, on a shipped model in float32."""
    from keras_munet.export.saved_model import export_saved_model
    from keras_munet.export.tflite import export_tflite
    from keras_munet.export.trained import load_trained
    from keras_munet.export.web import export_web

    network, config, path = load_trained(name)
    saved = export_saved_model(network, config, folder / f"{name}-saved")
    litert = export_tflite(network, config, folder / f"{name}.tflite").path
    page = export_web(litert, folder / f"{name}-page", demo=False).folder
    with serving(page) as url:
        seen = browse("separate", url=url, files=[silences], out=tmp_path)
    assert seen["problems"] == []
    reference = stems_of(silences, path)
    others = {
        "SavedModel": stems_of(silences, saved),
        "LiteRT": stems_of(silences, litert),
        "browser": {
            source: read_audio(tmp_path / "0" / f"{source}.wav")[0]
            for source in reference
        },
    }
    agreement = {
        (kind, source): round(snr_db(reference[source], stems[source]), 1)
        for kind, stems in others.items()
        for source in reference
    }
    assert min(agreement.values()) > 60, agreement


def test_player_plays_seeks_and_mixes(plain, songs, tmp_path):
    seen = browse("play", url=plain, file=songs["long"], out=tmp_path)
    seconds = 4 * SECONDS
    assert seen["problems"] == []
    assert seen["paused"] >= 0.5
    assert abs(seen["sought"] - seconds / 2) < 0.2
    assert abs(seen["back"] - (seen["sought"] - 5)) < 0.2
    assert seen["clock"] == "0:21 / 0:53"
    assert (seen["muted"], seen["solo"], seen["karaoke"]) == ("true", "true", "0 %")
    assert abs(seen["ended"] - seconds) < 0.1
    assert seen["labels"] == []
    karaoke, _ = read_audio(tmp_path / "karaoke.wav")
    accompaniment, _ = read_audio(tmp_path / "accompaniment.wav")
    assert np.array_equal(karaoke, accompaniment)


def test_odd_songs_and_files_that_are_none(plain, folder):
    files = odd_files(folder)
    refused = {name: files[name] for name in ("empty", "text", "cut header", "42 min")}
    accepted = {name: files[name] for name in ("3 s", "96 kHz", "silence")}
    long = files["30 min"]
    seen = browse("odd", url=plain, refused=refused, accepted=accepted, long=long)
    assert seen["problems"] == []
    said = seen["messages"]
    assert said["empty"] == "“empty.wav” is empty (0 bytes). Choose another file."
    for name in ("text", "cut header"):
        assert "is not a song that this browser can play" in said[name]
        assert files[name].name in said[name]
    assert "“audiobook.wav” is 42 minutes long" in said["42 min"]
    assert "`keras-munet separate`" in said["42 min"]
    assert said["cancelled"] == "Cancelled. Choose another song."
    assert seen["lengths"] == {
        "3 s": "3.0",
        "96 kHz": "1.0",
        "silence": "2.0",
        "long": "1800.0",
    }


def odd_files(folder: Path) -> dict[str, Path]:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, (3 * 44100, 2))
    files = {
        "empty": folder / "empty.wav",
        "text": folder / "letter.mp3",
        "cut header": folder / "cut.flac",
        "3 s": folder / "three.flac",
        "96 kHz": folder / "fast.wav",
        "silence": folder / "silence.wav",
        "30 min": folder / "long.wav",
        "42 min": folder / "audiobook.wav",
    }
    files["empty"].write_bytes(b"")
    files["text"].write_text("Dear Sir or Madam,\n" * 100)
    soundfile.write(files["3 s"], noise, 44100)
    files["cut header"].write_bytes(files["3 s"].read_bytes()[:30])
    soundfile.write(files["96 kHz"], noise[:96000], 96000)
    soundfile.write(files["silence"], np.zeros(2 * 48000), 48000)
    soundfile.write(files["30 min"], np.tile(noise[:80000, 0], 180), 8000)
    silence = np.zeros(42 * 60 * 8000, np.int16)
    soundfile.write(files["42 min"], silence, 8000, subtype="PCM_U8")
    return files


def test_trouble_is_told_and_can_be_mended(plain, songs):
    seen = browse("trouble", url=plain, file=songs["wav"])
    assert (
        "The model could not be downloaded: the server answered 404" in seen["missing"]
    )
    assert "The model is incomplete: 100000 bytes arrived of " in seen["cut"]
    assert "could not be downloaded. Check the connection" in seen["broken"]
    assert "WebAssembly SIMD" in seen["old"]
    assert "storage is full" in seen["full"]["message"]
    assert seen["full"]["place"] == "disk"
    assert seen["hidden"] == "finished"


def test_works_without_a_network(isolated, page, model, tmp_path):
    seen = browse("offline", url=isolated, out=tmp_path)
    assert seen["problems"] == []
    assert seen["failed"] == []
    assert seen["cached"] and seen["isolated"]
    found, _ = read_audio(tmp_path / "vocals.wav")
    assert snr_db(stems_of(page / "demo.mp3", model)["vocals"], found) > 60


def test_looks_right_on_small_and_large_screens(isolated, tmp_path):
    looks = [("phone", "dark"), ("desktop", "light")]
    seen = browse("pictures", url=isolated, out=tmp_path, looks=looks)
    assert set(seen["overflow"].values()) == {0}  # nothing sticks out
    assert len(list(tmp_path.glob("*.png"))) == 4
