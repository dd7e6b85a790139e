"""The cache: what is in it, that it appears whole, and what is refused."""

import errno
import json
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from data_tools import CHUNK_S, SHORT, config, song, write_songs, write_stems

from keras_munet import files
from keras_munet.audio.resample import downmix, resample
from keras_munet.config import FOUR_SOURCES, TWO_SOURCES
from keras_munet.data import shards
from keras_munet.data.cache import open_dataset, prepare
from keras_munet.data.stems import MIXTURE
from keras_munet.errors import AudioError, DataError, MunetError


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    return write_songs(tmp_path_factory.mktemp("songs"), 3)


@pytest.fixture(scope="module")
def prepared(songs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache") / "cache"
    prepare(songs, folder, config(sources=FOUR_SOURCES), workers=1)
    return folder


@pytest.fixture
def copied(prepared, tmp_path):
    return shutil.copytree(prepared, tmp_path / "cache")


def chunks_of(dataset, shard):
    return np.load(dataset.shard_path(shard))


def files_of(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_chunks_are_the_resampled_down_mix(prepared):
    dataset = open_dataset(prepared, verify=True)
    assert [shard.split for shard in dataset.shards].count("valid") == 1
    for shard in dataset.shards:
        stems = song(int(shard.name[-1]), 4.0)
        stems[MIXTURE] = sum(stems.values())
        chunks = chunks_of(dataset, shard)
        assert chunks.shape == (2, 1, SHORT.chunk_length, 5)
        joined = chunks[:, 0].reshape(-1, 5)
        for k, name in enumerate((*FOUR_SOURCES, MIXTURE)):
            mono = downmix(stems[name])[:, None]
            wanted = resample(mono, 22050, SHORT.sample_rate)[: len(joined), 0]
            assert np.abs(joined[:, k] / 32767 - wanted).max() < 1e-4


def test_a_cache_is_prepared_and_read_without_tensorflow_and_keras(songs, tmp_path):
    script = f"""
        import sys
        from keras_munet.config import DataConfig, STFTConfig
        from keras_munet.data.cache import open_dataset, prepare
        from keras_munet.data.reader import ChunkBatches
        config = DataConfig(stft=STFTConfig(n_frames=64), silence_energy=0)
        prepare({str(songs)!r}, {str(tmp_path / "cache")!r}, config, workers=1)
        dataset = open_dataset({str(tmp_path / "cache")!r}, verify=True)
        batches = ChunkBatches(
            dataset, "train", batch_size=2, epoch=0, seed=0, shuffle=True,
            keep_silent=True, augment=("gain", "remix", "speed"),
        )
        print([batch.shape for batch in batches], dataset.mapped(0).dtype)
        assert not {{"tensorflow", "keras", "jax"}} & set(sys.modules)
    """
    code = textwrap.dedent(script)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    n = SHORT.chunk_length
    assert done.stdout.strip() == f"[(2, {n}, 3), (2, {n}, 3)] int16"


def test_a_cache_of_an_earlier_version_says_so_and_is_made_anew(songs, copied):
    before = files_of(copied)
    for name in ("dataset.json", "prepare.json"):
        value = json.loads((copied / name).read_text())
        files.write_json(copied / name, {**value, "version": 1})
    for shard in (copied / "shards").glob("*.npy"):
        shard.rename(shard.with_suffix(".tfrecord"))
    message = r"format version 1.*same `keras-munet prepare` again: it makes"
    with pytest.raises(DataError, match=message):
        open_dataset(copied)
    with pytest.raises(DataError, match="other settings"):
        prepare(songs, copied, config(sources=TWO_SOURCES), workers=1)
    prepare(songs, copied, config(sources=FOUR_SOURCES), workers=1)
    assert files_of(copied) == before


def test_energies_are_the_mean_squares_of_six_seconds_of_training_chunks(prepared):
    dataset = open_dataset(prepared)
    powers = []
    for shard in dataset.shards:
        if shard.split != "train":
            continue
        for chunk in chunks_of(dataset, shard)[:, 0]:
            powers.append(65_280 * np.mean((chunk / 32767) ** 2, axis=0))
    wanted = np.mean(powers, axis=0)
    assert list(dataset.energies) == [*FOUR_SOURCES, MIXTURE]
    assert np.allclose(list(dataset.energies.values()), wanted, rtol=1e-4)
    value = json.loads((prepared / "dataset.json").read_text())
    assert value["energies"] == dataset.energies
    assert value["covers_mixture"] is True


def test_silent_chunks_are_flagged_and_left_out_of_the_second_energies(tmp_path):
    stems = song(0, 4 * CHUNK_S)
    half = len(stems["vocals"]) // 2
    stems["vocals"][:half] = 0
    write_stems(tmp_path / "songs", stems)
    settings = config(silence_energy=0.01)
    dataset = prepare(tmp_path / "songs", tmp_path / "cache", settings, workers=1)
    (shard,) = dataset.shards
    assert shard.silent[:2] == (True, False) or shard.silent[:2] == (True, True)
    assert shard.silent[-1] is False
    n_silent = sum(shard.silent)
    assert dataset.n_chunks("train", keep_silent=False) == shard.n_chunks - n_silent
    loud = [row for row, s in zip(shard.energies, shard.silent, strict=True) if not s]
    means = np.mean(loud, axis=0)
    assert np.allclose(list(dataset.energies_without_silent.values()), means)
    assert dataset.energies["vocals"] < dataset.energies_without_silent["vocals"]


def test_processes_and_a_second_run_give_the_same_files(songs, prepared, tmp_path):
    seen = []
    prepare(
        songs,
        tmp_path / "cache",
        config(sources=FOUR_SOURCES),
        workers=2,
        progress=lambda *done: seen.append(done),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert files_of(tmp_path / "cache") == files_of(prepared)
    seen.clear()
    times = [path.stat().st_mtime_ns for path in (tmp_path / "cache/shards").iterdir()]
    prepare(songs, tmp_path / "cache", config(sources=FOUR_SOURCES), workers=1)
    again = [path.stat().st_mtime_ns for path in (tmp_path / "cache/shards").iterdir()]
    assert times == again


def test_killed_and_run_again_it_ends_the_same(songs, prepared, tmp_path):
    script = f"""
        import os, signal, sys
        sys.path.insert(0, {str(tmp_path.parent)!r})
        from keras_munet.config import DataConfig, STFTConfig, FOUR_SOURCES
        from keras_munet.data import cache
        import numpy as np
        save, calls = np.save, []
        def dying(path, array):
            calls.append(path)
            if len(calls) == 2:
                path.write_bytes(b"half a shard")
                os.kill(os.getpid(), signal.SIGKILL)
            save(path, array)
        np.save = dying
        config = DataConfig(sources=FOUR_SOURCES, stft=STFTConfig(n_frames=64))
        cache.prepare({str(songs)!r}, {str(tmp_path / "cache")!r}, config, workers=1)
    """
    code = textwrap.dedent(script)
    died = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert died.returncode == -9, died.stderr.decode()
    with pytest.raises(DataError, match=r"unfinished cache.*prepare` again"):
        open_dataset(tmp_path / "cache")
    seen = []
    settings = config(sources=FOUR_SOURCES)
    prepare(
        songs,
        tmp_path / "cache",
        settings,
        workers=1,
        progress=lambda *done: seen.append(done),
    )
    assert seen == [(2, 3), (3, 3)]  # the first track was kept
    assert files_of(tmp_path / "cache") == files_of(prepared)


def test_two_prepares_of_one_cache_refuse_each_other(songs, copied):
    with (
        files.locked(copied, "test"),
        pytest.raises(MunetError, match=f"Another process is preparing {copied}"),
    ):
        prepare(songs, copied, config(sources=FOUR_SOURCES), workers=1)
    prepare(songs, copied, config(sources=FOUR_SOURCES), workers=1)


def test_changed_tracks_are_made_anew(tmp_path):
    songs = write_songs(tmp_path / "songs", 3)
    before = prepare(songs, tmp_path / "cache", config(), workers=1)
    write_stems(songs / "Song 1", song(9, 4.0))
    after = prepare(songs, tmp_path / "cache", config(), workers=1)
    same = {s.file for s in before.shards} & {s.file for s in after.shards}
    assert len(same) == 2
    stems = [s.file.removesuffix("npy") for s in after.shards]
    listed = {f"{stem}{kind}" for stem in stems for kind in ("npy", "json")}
    assert {path.name for path in (tmp_path / "cache/shards").iterdir()} == listed


def test_other_settings_are_refused_or_overwritten(songs, copied):
    two = config(sources=TWO_SOURCES)
    before = files_of(copied)
    with pytest.raises(DataError, match=r"other settings.*--overwrite"):
        prepare(songs, copied, two, workers=1)
    assert files_of(copied) == before
    dataset = prepare(songs, copied, two, workers=1, overwrite=True)
    assert dataset.sources == TWO_SOURCES
    assert open_dataset(copied, verify=True).energies == dataset.energies


def test_a_foreign_folder_is_left_alone(songs, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(DataError, match=r"holds something else \(thesis.tex\)"):
            prepare(songs, tmp_path, config(), workers=1, overwrite=overwrite)
    with pytest.raises(DataError, match=r"thesis.tex is a file"):
        prepare(songs, tmp_path / "thesis.tex", config(), workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_short_tracks_are_left_out_with_a_warning(tmp_path):
    write_songs(tmp_path / "songs", 2)
    write_stems(tmp_path / "songs" / "Jingle", song(5, 0.9 * CHUNK_S))
    settings = config(validation_share=0)
    dataset = prepare(tmp_path / "songs", tmp_path / "cache", settings, workers=1)
    assert [shard.name for shard in dataset.shards] == ["Song 0", "Song 1"]
    assert dataset.warnings == ("Jingle is shorter than a chunk of 1.48 s: left out.",)
    assert open_dataset(tmp_path / "cache").warnings == dataset.warnings


def test_only_short_tracks_are_an_error(tmp_path):
    write_stems(tmp_path / "songs" / "Jingle", song(5, 0.5))
    with pytest.raises(DataError, match=r"All 1 tracks are shorter than a chunk"):
        prepare(tmp_path / "songs", tmp_path / "cache", config(), workers=1)
    with pytest.raises(DataError, match="unfinished"):
        open_dataset(tmp_path / "cache")


def test_only_silent_chunks_say_what_to_do(tmp_path):
    stems = song(0, 4.0)
    stems["vocals"][:] = 0
    write_stems(tmp_path / "songs", stems)
    dataset = prepare(tmp_path / "songs", tmp_path / "cache", config(), workers=1)
    assert "vocals is silent in all training tracks." in dataset.warnings
    assert any("Use --keep-silent" in warning for warning in dataset.warnings)
    with pytest.raises(DataError, match=r"All 2 chunks.*--keep-silent"):
        _ = dataset.energies_without_silent
    value = json.loads((tmp_path / "cache" / "dataset.json").read_text())
    assert value["energies_without_silent"] is None


def test_loud_tracks_are_turned_down_and_clicks_are_clipped():
    loud = np.linspace(-3, 3, 3000, dtype=np.float32).reshape(1000, 1, 3)
    whole, gain, n_clipped = shards.to_int16(loud)
    assert (gain, n_clipped) == (pytest.approx(1 / 3), 0)
    assert np.abs(whole).max() == 32767
    assert np.allclose(whole / 32767 / gain, loud, atol=1e-4)
    click = np.zeros((10000, 1, 2), np.float32)
    click[5000, 0, 1], click[1, 0, 0] = -2.0, 0.5
    whole, gain, n_clipped = shards.to_int16(click)
    assert (gain, n_clipped) == (1.0, 1)
    assert (whole[5000, 0, 1], whole[1, 0, 0]) == (-32767, round(0.5 * 32767))


def test_loud_tracks_are_reported(tmp_path):
    write_stems(tmp_path / "songs", {k: 5 * x for k, x in song(0, 2.0).items()})
    dataset = prepare(tmp_path / "songs", tmp_path / "cache", config(), workers=1)
    assert any("goes beyond full scale: turned down" in w for w in dataset.warnings)
    assert dataset.covers_mixture


def test_left_and_right_can_be_kept(tmp_path):
    stems = song(0, 2.0)
    write_stems(tmp_path / "songs", stems)
    settings = config(n_channels=2)
    dataset = prepare(tmp_path / "songs", tmp_path / "cache", settings, workers=1)
    (chunk,) = chunks_of(dataset, dataset.shards[0])
    wanted = resample(stems["vocals"], 22050, SHORT.sample_rate)[: chunk.shape[1]]
    assert np.abs(chunk[..., 0].T / 32767 - wanted).max() < 1e-4


def test_the_real_excerpt(excerpt, tmp_path):
    settings = config(sources=FOUR_SOURCES)
    dataset = prepare(excerpt, tmp_path / "cache", settings, workers=1)
    assert dataset.n_chunks("train") == 4
    assert dataset.energies["drums"] > dataset.energies["vocals"] > 1
    assert dataset.warnings == ()


def test_a_damaged_stem_stops_prepare_and_keeps_the_others(tmp_path):
    songs = write_songs(tmp_path / "songs", 2)
    bass = songs / "Song 1" / "bass.wav"
    intact = bass.read_bytes()
    bass.write_bytes(intact[:2000])
    settings = config(validation_share=0)
    for workers in (1, 2):
        with pytest.raises(AudioError, match=r"Song 1/bass.wav breaks off"):
            prepare(songs, tmp_path / "cache", settings, workers=workers)
    assert not (tmp_path / "cache" / "dataset.json").exists()
    bass.write_bytes(intact)
    seen = []
    prepare(
        songs,
        tmp_path / "cache",
        settings,
        workers=1,
        progress=lambda *done: seen.append(done),
    )
    assert seen == [(2, 2)]


def test_a_full_disk_is_named_and_leaves_no_half_shard(songs, tmp_path, monkeypatch):
    def full(path, array):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    message = r"disk is full; .*Song-0-.*npy.*finished tracks are kept"
    with pytest.raises(DataError, match=message):
        prepare(songs, tmp_path / "cache", config(), workers=1)
    assert list((tmp_path / "cache" / "shards").iterdir()) == []


# Opening: damaged and foreign caches.


def test_no_cache(tmp_path):
    with pytest.raises(DataError, match=r"There is no cache .*keras-munet prepare"):
        open_dataset(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"is not a cache: it has no dataset.json"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"format": "other"}', r"dataset.json is not a cache of keras-munet"),
        ("[1, 2]", r"dataset.json is not a cache of keras-munet"),
        ('{"format": "keras-munet-cache", "ver', r"dataset.json is damaged.*again"),
        ('{"format": "keras-munet-cache", "version": 2}', r"is damaged"),
        ('{"format": "keras-munet-cache", "version": 9}', r"format version 9"),
    ],
)
def test_damaged_or_foreign_description(copied, text, message):
    (copied / "dataset.json").write_text(text)
    with pytest.raises(DataError, match=message):
        open_dataset(copied)


def test_changed_missing_and_cut_shards(songs, copied):
    shard = sorted((copied / "shards").glob("*.npy"))[1]
    intact = shard.read_bytes()
    changed = bytearray(intact)
    changed[1000] ^= 1
    shard.write_bytes(changed)
    open_dataset(copied)  # sizes agree; only reading it all can tell
    with pytest.raises(DataError, match=rf"{shard} is not what.*SHA-256.*prepare` aga"):
        open_dataset(copied, verify=True)
    shard.write_bytes(intact[:-1])
    with pytest.raises(DataError, match=rf"{shard} has \d+ bytes where \d+ were"):
        open_dataset(copied)
    shard.unlink()
    with pytest.raises(DataError, match=rf"{shard} is missing"):
        open_dataset(copied)
    prepare(songs, copied, config(sources=FOUR_SOURCES), workers=1)  # the remedy
    assert shard.read_bytes() == intact
    open_dataset(copied, verify=True)


# The command.


def test_command(run, songs, tmp_path):
    out = tmp_path / "cache"
    result = run("prepare", songs, out, "--sources", "vocals,drums", "--workers", 1)
    assert result.code == 1  # the songs are shorter than a chunk of 6 s
    assert "All 3 tracks are shorter than a chunk of 6.00 s" in result.err
    assert result.out == ""

    long = write_songs(tmp_path / "long", 2, seconds=6.5)
    result = run("prepare", long, tmp_path / "two", "--workers", 1)
    assert (result.code, result.err) == (0, "")
    assert "train     1 tracks       1 chunks" in result.out
    assert "accompaniment" in result.out and "mixture" in result.out
    again = run("prepare", long, tmp_path / "two", "--workers", 1, "-q")
    assert (again.code, again.out, again.err) == (0, "", "")


def test_command_maps_stem_names(run, tmp_path):
    stems = song(0, 6.5)
    write_stems(tmp_path / "s", {"vox": stems["vocals"], "music": stems["other"]})
    plain = run("prepare", tmp_path / "s", tmp_path / "c", "-q")
    assert plain.code == 1 and "has no vocals" in plain.err
    assert not (tmp_path / "c").exists()
    names = ("--stem-name", "vocals=vox", "--stem-name", "accompaniment=music")
    mapped = run("prepare", tmp_path / "s", tmp_path / "c", *names, "-q")
    assert (mapped.code, mapped.err) == (0, "")
    assert open_dataset(tmp_path / "c").n_chunks("train") == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--stem-name", "vocals"),
        ("--sources", "vocals,vocals"),
        ("--sources", "mixture"),
        ("--channels", "3"),
    ],
)
def test_command_usage(run, songs, tmp_path, option, value):
    result = run("prepare", songs, tmp_path / "c", option, value)
    assert (result.code, result.out) == (2, "")
    assert value in result.err or "sources" in result.err
    assert not (tmp_path / "c").exists()
