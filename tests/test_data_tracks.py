"""Finding tracks: layouts, splits, names of stems, and what is refused."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from data_tools import song, write_songs, write_stems

from keras_munet.config import FOUR_SOURCES, DataConfig
from keras_munet.data.stems import recipe
from keras_munet.data.tracks import find_tracks, musdb_settings
from keras_munet.errors import AudioError, DataError

VALIDATION = "Actions - One Minute Smile"  # on MUSDB18's validation list


def splits(tracks):
    return {track.name: track.split for track in tracks}


def test_musdb_settings_are_what_the_installed_musdb_has():
    yaml = pytest.importorskip("yaml")
    # Read, not imported: musdb asks for the programs ffmpeg and ffprobe when it is.
    (folder,) = importlib.util.find_spec("musdb").submodule_search_locations
    theirs = yaml.safe_load((Path(folder) / "configs" / "mus.yaml").read_text("utf-8"))
    ours = musdb_settings()
    assert VALIDATION in ours["validation_tracks"]
    for name in ("stem_ids", "validation_tracks"):
        assert ours[name] == theirs[name]


def test_musdb18_tree_with_its_official_validation_list(tmp_path, excerpt):
    for split, name in (("train", VALIDATION), ("train", "A - B"), ("test", "C - D")):
        (tmp_path / split).mkdir(exist_ok=True)
        (tmp_path / split / f"{name}.stem.mp4").symlink_to(excerpt)
    tracks = find_tracks(tmp_path, DataConfig())
    assert splits(tracks) == {VALIDATION: "valid", "A - B": "train", "C - D": "test"}
    assert [track.split for track in tracks] == ["train", "valid", "test"]


def test_musdb18_hq_tree_with_its_official_validation_list(tmp_path):
    for split, name in (("train", VALIDATION), ("train", "A - B"), ("test", "C - D")):
        write_stems(tmp_path / split / name, song(0, 0.1))
    found = splits(find_tracks(tmp_path, DataConfig()))
    assert found == {VALIDATION: "valid", "A - B": "train", "C - D": "test"}


def test_folders_called_valid_are_taken_as_they_are(tmp_path):
    for split in ("Train", "validation", "test"):
        write_stems(tmp_path / split / f"of {split}", song(0, 0.1))
    found = splits(find_tracks(tmp_path, DataConfig()))
    assert found == {"of Train": "train", "of validation": "valid", "of test": "test"}


@pytest.mark.parametrize(
    ("n", "share", "n_valid"),
    [(1, 0.05, 0), (2, 0.05, 1), (10, 0.05, 1), (10, 0.3, 3), (10, 0, 0), (2, 0.9, 1)],
)
def test_a_seeded_share_is_held_out(tmp_path, n, share, n_valid):
    for k in range(n):
        write_stems(tmp_path / f"{k}", {"vocals": np.zeros((9, 1)), "b": np.ones(9)})

    def held_out(seed):
        config = DataConfig(validation_share=share, seed=seed)
        return {t.name for t in find_tracks(tmp_path, config) if t.split == "valid"}

    assert len(held_out(0)) == n_valid
    assert held_out(0) == held_out(0)
    if n == 10 and n_valid:
        assert len({frozenset(held_out(seed)) for seed in range(5)}) > 1


def test_the_real_excerpt_is_one_track(excerpt):
    (track,) = find_tracks(excerpt, DataConfig())
    assert (track.name, track.split) == ("The Easton Ellises - Falcon 69", "train")
    assert track.sample_rate == 44100
    audio = track.load([*FOUR_SOURCES, "accompaniment", "mixture"])
    assert {x.shape for x in audio.values()} == {(268288, 2)}
    three = audio["drums"] + audio["bass"] + audio["other"]
    assert np.allclose(audio["accompaniment"], three, atol=1e-6)
    rest = audio["mixture"] - audio["vocals"] - three
    inner = slice(3000, 266000)  # all streams click at both ends
    assert rest[inner].std() < 0.2 * audio["mixture"][inner].std()


def test_a_folder_of_stems_is_one_track_whatever_the_format(tmp_path):
    stems = song(0, 2.0)  # FFmpeg cuts no padding from an ogg of a single page
    write_stems(tmp_path, {"vocals": stems["vocals"]}, suffix=".flac")
    write_stems(tmp_path, {"Drums": stems["drums"]}, suffix=".ogg")
    write_stems(tmp_path, {"bass": stems["bass"], "other": stems["other"]})
    (tmp_path / "notes.txt").write_text("not audio")
    (track,) = find_tracks(tmp_path, DataConfig())
    audio = track.load(FOUR_SOURCES)
    for name in FOUR_SOURCES:
        tolerance = {"drums": 0.05, "vocals": 1e-4}.get(name, 0)
        assert np.allclose(audio[name], stems[name], atol=tolerance)


def test_other_names_are_mapped_and_missing_sums_are_added(tmp_path):
    stems = song(0, 0.5)
    names = {"lead_vox": stems["vocals"], "gtr": stems["other"], "kit": stems["drums"]}
    write_stems(tmp_path / "A", names)
    config = DataConfig(stem_names=(("vocals", "Lead_Vox"),))
    (track,) = find_tracks(tmp_path, config)
    audio = track.load(["vocals", "accompaniment", "mixture"])
    assert np.array_equal(audio["vocals"], stems["vocals"])
    assert np.allclose(audio["accompaniment"], stems["other"] + stems["drums"])
    assert np.allclose(audio["mixture"], sum(names.values()), atol=1e-6)


def test_recipes():
    four = ["vocals", "drums", "bass", "other"]
    three = dict.fromkeys(["drums", "bass", "other"], 1.0)
    assert recipe("accompaniment", four) == three
    assert recipe("accompaniment", [*four, "click track"]) == three
    assert recipe("mixture", four) == {"vocals": 1.0, **three}
    assert recipe("mixture", [*four, "mixture"]) == {"mixture": 1.0}
    assert recipe("mixture", ["accompaniment", "vocals", "drums"]) == {
        "vocals": 1.0,
        "accompaniment": 1.0,
    }
    minus = {"mixture": 1.0, "vocals": -1.0}
    assert recipe("accompaniment", ["vocals", "mixture"]) == minus
    assert recipe("drums", ["vocals", "mixture"]) == {}
    assert recipe("mixture", ["vocals"]) == {}


def test_resampled_stems_keep_length_and_pitch(tmp_path):
    t = np.arange(44100) / 44100
    tone = np.float32(0.5) * np.sin(2 * np.pi * 1000 * t).astype(np.float32)
    write_stems(tmp_path, {"vocals": tone, "accompaniment": 0 * tone}, rate=44100)
    (track,) = find_tracks(tmp_path, DataConfig())
    audio = track.load_resampled(["vocals", "mixture"], sample_rate=10880)
    assert audio["vocals"].shape == (10880, 1)
    assert np.array_equal(audio["vocals"], audio["mixture"])
    wanted = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(10880) / 10880)
    assert np.abs(audio["vocals"][200:-200, 0] - wanted[200:-200]).max() < 1e-3
    both = track.load_resampled(["vocals"], sample_rate=10880, n_channels=2)["vocals"]
    assert np.array_equal(both[:, 0], both[:, 1])


def test_a_millisecond_is_forgiven(tmp_path):
    stems = song(0, 0.5)
    stems["vocals"] = stems["vocals"][:-20]
    write_stems(tmp_path, stems)
    (track,) = find_tracks(tmp_path, DataConfig())
    audio = track.load(["vocals", "mixture"])
    assert {len(x) for x in audio.values()} == {len(stems["vocals"])}


# What is refused: the message names the place and the remedy.


def test_missing_folder(tmp_path):
    with pytest.raises(DataError, match=r"no folder .*nowhere.*Check the path"):
        find_tracks(tmp_path / "nowhere", DataConfig())


def test_unreadable_folder(tmp_path, monkeypatch):
    def denied(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(tmp_path), "iterdir", denied)
    with pytest.raises(DataError, match=rf"Cannot read the folder {tmp_path}.*perm"):
        find_tracks(tmp_path, DataConfig())


def test_no_stems(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "readme.txt").write_text("hello")
    with pytest.raises(DataError, match=r"No tracks with stems.*found: docs, readme"):
        find_tracks(tmp_path, DataConfig())
    with pytest.raises(DataError, match=r"readme.txt is no stem file"):
        find_tracks(tmp_path / "readme.txt", DataConfig())


def test_missing_source(tmp_path):
    write_stems(tmp_path / "Song", {"lead": np.zeros(9), "drums": np.zeros(9)})
    (track,) = find_tracks(tmp_path, DataConfig())
    with pytest.raises(DataError, match=r"Song has no vocals.*drums, lead.*vocals=NAM"):
        track.load(["vocals"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seconds": 0.6}, r"different lengths \(bass: 0.500 s.*vocals: 0.600 s\)"),
        ({"rate": 32000}, r"different sample rates .*vocals: 32000 Hz"),
        ({"channels": 1}, r"different channel counts .*vocals: 1"),
    ],
)
def test_stems_that_do_not_fit_together(tmp_path, change, message):
    write_stems(tmp_path / "Song", song(0, 0.5))
    shape = {"seconds": 0.5, "rate": 22050, "channels": 2, **change}
    vocals = song(0, **shape)["vocals"]
    write_stems(tmp_path / "Song", {"vocals": vocals}, rate=shape["rate"])
    (track,) = find_tracks(tmp_path, DataConfig())
    for load in (
        lambda: track.load(["mixture"]),
        lambda: track.load_resampled(["mixture"], sample_rate=10880),
    ):
        with pytest.raises(DataError, match=message) as caught:
            load()
        assert "Song" in str(caught.value) and "remove the track" in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinite_samples(tmp_path, value):
    stems = song(0, 0.5)
    stems["bass"][500] = value
    write_stems(tmp_path, stems)
    (track,) = find_tracks(tmp_path, DataConfig())
    with pytest.raises(AudioError, match=r"bass.wav holds NaN or infinite"):
        track.load_resampled(["mixture"], sample_rate=10880)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, r"vocals.wav breaks off"),
        (lambda path: path.write_bytes(b""), r"vocals.wav is empty"),
        (lambda path: path.write_bytes(b"text" * 99), r"vocals.wav is no audio file"),
        (
            lambda path: soundfile.write(path, np.zeros((0, 2)), 22050),
            r"lengths|no aud",
        ),
    ],
)
def test_damaged_files(tmp_path, damage, message):
    write_stems(tmp_path / "Song", song(0, 1.0))
    damage(tmp_path / "Song" / "vocals.wav")
    (track,) = find_tracks(tmp_path, DataConfig())
    with pytest.raises((AudioError, DataError), match=message):
        track.load_resampled(["mixture"], sample_rate=10880)


def test_hidden_files_are_left_alone(tmp_path):
    write_songs(tmp_path, 2, seconds=0.1)
    shutil.copytree(tmp_path / "Song 0", tmp_path / ".trash")
    (tmp_path / "Song 0" / "._vocals.wav").write_bytes(b"resource fork")
    assert len(find_tracks(tmp_path, DataConfig())) == 2
