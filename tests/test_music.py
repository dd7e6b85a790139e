"""Generated music: the mixture is the sum, the seed decides, musdb reads it."""

import errno
import json
import os
import shutil
import stat
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from keras_munet.errors import DataError
from keras_munet.music import collection as synth
from keras_munet.music import engine
from keras_munet.music.song import STEMS


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synth") / "songs"
    synth.write_tracks(folder, 2, seconds=3, seed=5, n_test_tracks=1, workers=1)
    return folder


def read(folder):
    return {
        path.stem: soundfile.read(path, dtype="int16")[0]
        for path in folder.glob("*.wav")
    }


def test_mixture_file_is_the_exact_sum_and_does_not_clip(songs):
    folders = [*songs.glob("train/*"), *songs.glob("test/*")]
    assert len(folders) == 3
    for folder in folders:
        files = read(folder)
        assert sorted(files) == sorted(["mixture", *STEMS])
        total = sum(files[name].astype(int) for name in STEMS)
        assert np.array_equal(files["mixture"], total)
        assert np.abs(total).max() < 32767
        info = soundfile.info(folder / "mixture.wav")
        assert (info.samplerate, info.channels, info.frames) == (44100, 2, 3 * 44100)


def test_files_hold_what_make_track_gives(songs):
    track = engine.make_track(5, 0, 3)
    files = read(songs / "train" / "Seed 5 - Song 000")
    for name, sound in track.items():
        assert np.array_equal(files[name], sound * 2**15)


def test_seed_and_index_decide():
    first, again = engine.make_track(1, 2, 1.5), engine.make_track(1, 2, 1.5)
    other, reseeded = engine.make_track(1, 3, 1.5), engine.make_track(2, 2, 1.5)
    for name in STEMS:
        assert np.array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])
        assert not np.array_equal(first[name], reseeded[name])


def test_energies_have_the_proportions_of_musdb18():
    tracks = [engine.make_track(0, index, 8) for index in range(6)]
    means = {n: np.mean([engine._energy(t[n]) for t in tracks]) for n in STEMS}
    for name in STEMS:
        share = means[name] / sum(means.values())
        wanted = engine.ENERGIES[name] / sum(engine.ENERGIES.values())
        assert 0.6 * wanted < share < 1.6 * wanted


def test_stems_sound_like_what_they_are_called():
    def centre_hz(sound):
        power = np.abs(np.fft.rfft(sound.mean(axis=1))) ** 2
        return (np.fft.rfftfreq(len(sound), 1 / 44100) * power).sum() / power.sum()

    tracks = [engine.make_track(3, index, 6) for index in range(3)]
    for track in tracks:
        assert centre_hz(track["bass"]) < 250
        assert centre_hz(track["bass"]) < centre_hz(track["vocals"]) < 3000
        left, right = track["other"].T
        assert not np.array_equal(left, right)


def test_too_short_a_song_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        engine.make_track(0, 0, 0.5)


def test_musdb_reads_the_tree(songs, tmp_path):
    path = os.environ["PATH"]
    if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
        path = f"{stand_in(tmp_path)}{os.pathsep}{path}"
    code = (
        "import json, musdb, sys\n"
        "print(json.dumps([[t.subset, t.rate, t.duration, sorted(t.sources),\n"
        "    list(t.targets)] for t in musdb.DB(sys.argv[1], is_wav=True)]))\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, songs],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert out.returncode == 0, out.stderr
    tracks = json.loads(out.stdout)
    assert [subset for subset, *_ in tracks] == ["train", "train", "test"]
    for _, rate, duration, sources, targets in tracks:
        assert (rate, duration, sources) == (44100, 3, sorted(STEMS))
        assert {"vocals", "accompaniment"} <= set(targets)


def stand_in(folder):
    """An `ffprobe` for wav files; musdb asks it for rates and lengths."""
    probe = folder / "bin" / "ffprobe"
    probe.parent.mkdir()
    script = folder / "ffprobe.py"
    script.write_text(
        "import json, soundfile, sys\n"
        "path = [a for a in sys.argv if a.endswith('.wav')][0]\n"
        "f = soundfile.info(path)\n"
        "s = dict(codec_type='audio', sample_rate=str(f.samplerate),\n"
        "         channels=f.channels, duration=str(f.duration),\n"
        "         duration_ts=f.frames)\n"
        "print(json.dumps({'streams': [s], 'format': {}}))\n"
    )
    probe.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    probe.chmod(probe.stat().st_mode | stat.S_IXUSR)
    (probe.parent / "ffmpeg").symlink_to("/bin/true")
    return probe.parent


def test_a_missing_track_is_made_again_and_others_are_kept(songs, tmp_path):
    folder = tmp_path / "songs"
    shutil.copytree(songs, folder)
    lost, kept = sorted((folder / "train").iterdir())
    before = read(lost)
    shutil.rmtree(lost)
    marker = kept / "bass.wav"
    marker.write_bytes(b"kept")
    seen = []
    synth.write_tracks(
        folder, 2, seconds=3, seed=5, workers=1, progress=lambda *a: seen.append(a)
    )
    assert seen == [(2, 2)]
    assert marker.read_bytes() == b"kept"
    after = read(lost)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_processes_give_the_same_songs(songs, tmp_path):
    folder = tmp_path / "songs"
    synth.write_tracks(folder, 2, seconds=3, seed=5, workers=2)
    for path in folder.glob("train/*/*.wav"):
        assert path.read_bytes() == (songs / path.relative_to(folder)).read_bytes()


def test_other_settings_and_foreign_folders_are_refused(songs, tmp_path):
    with pytest.raises(DataError, match=r"other settings.*--seed and --seconds"):
        synth.write_tracks(songs, 2, seconds=3, seed=6)
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(DataError, match="not empty and holds no generated tracks"):
        synth.write_tracks(tmp_path, 1, seconds=3, seed=0)
    with pytest.raises(DataError, match=r"letter.txt is a file"):
        synth.write_tracks(tmp_path / "letter.txt", 1, seconds=3, seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_an_interrupted_track_leaves_nothing(tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    message = r"disk is full; .*Song 000 could not be written"
    for stop, expected, text in (
        (KeyboardInterrupt(), KeyboardInterrupt, None),
        (full, DataError, message),
    ):

        def write_bytes(self, data, stop=stop):
            self.touch()
            raise stop

        monkeypatch.setattr(type(tmp_path), "write_bytes", write_bytes)
        with pytest.raises(expected, match=text):
            synth.write_tracks(tmp_path / "songs", 1, seconds=2, seed=0, workers=1)
        assert list((tmp_path / "songs" / "train").iterdir()) == []


def test_command(run, tmp_path):
    out = tmp_path / "songs"
    arguments = ("--tracks", 1, "--seconds", 2, "--seed", 4)
    result = run("synth", out, *arguments)
    assert (result.code, result.err) == (0, "")
    assert result.out == f"{out}: 1 train and 0 test tracks, 0.0 minutes.\n"
    assert json.loads((out / "synth.json").read_text())["seed"] == 4
    refused = run("synth", out, "--tracks", 1, "--seconds", 3)
    assert (refused.code, refused.out) == (1, "")
    assert "holds generated tracks of other settings" in refused.err
    usage = run("synth", tmp_path / "none", "--tracks", 0)
    assert usage.code == 2 and "at least one track" in usage.err
    assert not (tmp_path / "none").exists()
