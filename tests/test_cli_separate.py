import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_tools import KINDS, cut_in_half, write_kind
from separation_tools import music, tiny_models

from keras_munet.audio.reading import read_audio
from keras_munet.audio.writer import quantize


@pytest.fixture(scope="module")
def model():
    return tiny_models().tflite


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, music(2.5, 44100), 44100)
    return path


def test_a_song_becomes_stems_that_are_listed(run, tmp_path, song, model):
    outcome = run("separate", song, "--model", model, "--out", tmp_path / "out")
    files = [tmp_path / f"out/song/{n}.wav" for n in ("vocals", "accompaniment")]
    assert outcome.code == 0
    assert outcome.out.splitlines() == [str(file) for file in files]
    assert "1 of 1 songs separated into 2 files: 0:02 min of audio" in outcome.err
    assert "times real time, litert" in outcome.err
    stems = [quantize(read_audio(file)[0], 16) for file in files]
    np.testing.assert_array_equal(sum(stems), quantize(read_audio(song)[0], 16))


def test_all_options_together(run, tmp_path, song, model):
    outcome = run(
        *("separate", song, "--model", model, "--out", tmp_path / "out", "--quiet"),
        *("--two-stems", "vocals", "--stems", "accompaniment", "--format", "flac"),
        *("--bit-depth", 24, "--template", "{name} - {stem}.{ext}", "--plot"),
        *("--start", 0.5, "--duration", 1, "--batch", 2, "--threads", 1),
        *("--overlap", 0.5, "--device", "cpu", "--masks", "raw"),
    )
    assert (outcome.code, outcome.err) == (0, "")
    stem, sheet = outcome.out.splitlines()
    assert stem.endswith("out/song - accompaniment.flac")
    assert sheet.endswith("out/song - spectrograms.png")
    info = soundfile.info(stem)
    assert (info.frames, info.subtype) == (44100, "PCM_24")


def test_the_models_band(run, tmp_path, song, model):
    outcome = run(
        *("separate", song, "--model", model, "--out", tmp_path, "--band", "model"),
        *("--bit-depth", "float"),
    )
    info = soundfile.info(outcome.out.splitlines()[0])
    assert (info.samplerate, info.channels, info.subtype) == (10880, 1, "FLOAT")


def test_folders_keep_their_tree(run, tmp_path, model):
    for name in ("b/two.flac", "one.wav", "b/c/three.ogg"):
        path = tmp_path / "songs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, music(0.5, 22050), 22050)
    (tmp_path / "songs/cover.jpg").write_bytes(b"no song")
    (tmp_path / "songs/.hidden.wav").write_bytes(b"no song")
    outcome = run(
        *("separate", tmp_path / "songs", "--model", model),
        *("--out", tmp_path / "out", "--stems", "vocals"),
    )
    assert outcome.code == 0
    names = [line.split("out/")[1] for line in outcome.out.splitlines()]
    assert names == ["b/c/three/vocals.wav", "b/two/vocals.wav", "one/vocals.wav"]
    assert "3 of 3 songs" in outcome.err


def test_every_kind_of_file(run, tmp_path, model):
    audio = music(1.1, 48000)
    for name in KINDS:
        write_kind(tmp_path, name, audio, 48000)
    outcome = run(
        *("separate", *(tmp_path / name for name in KINDS), "--model", model),
        *("--out", tmp_path / "out", "--stems", "vocals"),
        *("--template", "{name}-{stem}.{ext}"),
    )
    # Four of them are called `a`: they get in each other's way, and that is told.
    assert outcome.code == 1
    assert outcome.err.count("was just written for another song") == 5
    assert f"8 of {len(KINDS)} songs" in outcome.err


def test_one_bad_file_does_not_stop_the_others(run, tmp_path, song, model):
    text = tmp_path / "text.mp3"
    text.write_text("no music\n" * 400)
    empty = tmp_path / "empty.wav"
    empty.touch()
    cut = cut_in_half(song, tmp_path / "cut.wav")
    missing = tmp_path / "missing.ogg"
    files = (text, empty, missing, cut, song)
    outcome = run("separate", *files, "--model", model, "--out", tmp_path / "out")
    assert outcome.code == 1
    lines = outcome.err.splitlines()
    assert f"Error: {text} is no audio file" in lines[0]
    assert f"Error: {empty} is empty" in lines[1]
    assert f"Error: {missing} cannot be read: No such file" in lines[2]
    assert f"Warning: {cut} breaks off after 1.2 s" in lines[3]
    assert "2 of 5 songs" in lines[4] and "4 failed or incomplete" in lines[4]
    assert len(outcome.out.splitlines()) == 4
    names = {path.name for path in (tmp_path / "out").rglob("*")}
    assert names == {"cut", "song", "vocals.wav", "accompaniment.wav"}


def test_existing_files_stay(run, tmp_path, song, model):
    words = ("separate", song, "--model", model, "--out", tmp_path / "out")
    assert run(*words).code == 0
    outcome = run(*words)
    assert outcome.code == 1 and "already there" in outcome.err
    assert "--overwrite" in outcome.err
    assert run(*words, "--overwrite").code == 0


def test_two_songs_of_one_name_do_not_replace_each_other(run, tmp_path, song, model):
    other = tmp_path / "other"
    other.mkdir()
    (other / "song.wav").write_bytes(song.read_bytes())
    outcome = run(
        *("separate", song, other / "song.wav", "--model", model, "--overwrite"),
        *("--out", tmp_path / "out"),
    )
    assert outcome.code == 1
    assert "was just written for another song of the same name" in outcome.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--model", "nowhere"], 1, "Error: No model at nowhere."),
        (["--stems", "drums"], 1, "no stem 'drums'. It gives: vocals, accompaniment"),
        (["--two-stems", "bass"], 1, "no stem 'bass'"),
        (["--start", "99"], 1, "ends at 2.50 s, before the start"),
        (["--start", "-1"], 2, "Invalid value for '--start'"),
        (["--duration", "0"], 2, "Invalid value for '--duration'"),
        (["--overlap", "1"], 2, "Invalid value for '--overlap'"),
        (["--batch", "0"], 2, "Invalid value for '--batch'"),
        (["--format", "wma"], 2, "Invalid value for '--format'"),
        (["--format", "flac", "--bit-depth", "float"], 2, "flac holds no float"),
        (["--template", "{name}"], 2, "must hold {stem}"),
        (["--device", "gpu"], 1, ".tflite runs on the cpu"),
        (["--out", "-"], 2, "one song and one stem"),
        (["--out", "-", "--stems", "vocals", "--plot"], 2, "writes wav, and no --plot"),
    ],
)
def test_wrong_words(run, tmp_path, song, model, words, code, message):
    base = ["separate", song, "--model", model, "--out", tmp_path / "out"]
    outcome = run(*base, *words)
    assert outcome.code == code and message in outcome.err
    assert not (tmp_path / "out").exists()


def test_a_folder_without_songs(run, tmp_path, model):
    outcome = run("separate", tmp_path, "--model", model, "--out", tmp_path / "out")
    assert outcome.code == 1 and f"{tmp_path} holds no audio files" in outcome.err


def test_an_output_folder_that_cannot_be_made(run, tmp_path, song, model):
    (tmp_path / "file").touch()
    outcome = run("separate", song, "--model", model, "--out", tmp_path / "file")
    assert outcome.code == 2 and "is a file" in outcome.err
    below = tmp_path / "file" / "below"
    outcome = run("separate", song, "--model", model, "--out", below)
    assert outcome.code == 1 and f"Error: {song}: Not a directory" in outcome.err


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux")
def test_an_output_folder_that_is_not_writable(run, song, model):
    """Even root cannot write there."""
    outcome = run(
        *("separate", song, "--model", model, "--out", "/proc"),
        *("--template", "{name}-{stem}.{ext}"),
    )
    assert outcome.code == 1 and outcome.out == ""
    assert "/proc/song-vocals.wav cannot be written after 0 samples" in outcome.err
    assert "the folder's permissions" in outcome.err


def test_samples_that_are_no_numbers(run, tmp_path, song, model):
    audio = music(8, 8000)
    audio[-100] = np.inf
    bad = tmp_path / "bad.wav"
    soundfile.write(bad, audio, 8000, subtype="FLOAT")
    outcome = run("separate", bad, song, "--model", model, "--out", tmp_path / "out")
    assert outcome.code == 1 and f"{bad} holds NaN or infinite" in outcome.err
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"song"}
    assert not list((tmp_path / "out").rglob("bad/*"))


def _process(*words, **settings):
    """Starts the command as a user would, without the settings of the tests."""
    # Where the tests run in the background of a shell, SIGINT would be ignored.
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{listen}; from keras_munet.cli.main import main; main()"
    plain = {name: text for name, text in os.environ.items() if name[:3] != "TF_"}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=plain,
        **settings,
    )


def test_nothing_but_results_is_printed(tmp_path, song):
    """TensorFlow is loaded in silence, too."""
    words = ("separate", song, "--model", tiny_models().keras, "--out", tmp_path)
    with _process(*words, "--stems", "vocals") as process:
        out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert out.decode().splitlines() == [str(tmp_path / "song/vocals.wav")]
    (summary,) = err.decode().splitlines()
    assert "1 of 1 songs" in summary and "keras" in summary


def test_from_stdin_to_stdout(song, model):
    words = ("separate", "-", "--model", model, "--out", "-", "--stems", "vocals")
    with _process(*words, stdin=subprocess.PIPE) as process:
        out, err = process.communicate(song.read_bytes(), timeout=120)
    assert process.returncode == 0, err
    audio, rate = read_audio(io.BytesIO(out))
    assert (audio.shape, rate) == (read_audio(song)[0].shape, 44100)
    assert b"1 of 1 songs" in err


def test_nothing_on_stdin(model, tmp_path):
    words = ("separate", "-", "--model", model, "--out", tmp_path / "out")
    with _process(*words, stdin=subprocess.DEVNULL) as process:
        _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert err.startswith(b"Error: stdin is empty (0 bytes).")
    assert not (tmp_path / "out").exists()


def test_ctrl_c_leaves_nothing_half(tmp_path, model):
    song = tmp_path / "long.wav"
    soundfile.write(song, np.tile(music(10, 44100), (30, 1)), 44100)
    out = tmp_path / "out"
    words = ("separate", song, "--model", model, "--out", out, "--overlap", "0.9")
    with _process(*words) as process:
        while process.poll() is None and not list(out.rglob("*.part.wav")):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert err.decode().strip() == "Stopped."
    assert not [path for path in out.rglob("*") if path.is_file()]
