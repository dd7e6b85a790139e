"""Songs in packs, as they are sent to a GPU machine."""

import io
import zipfile

import numpy as np
import pytest
import soundfile
import soxr
from weights_tools import script

from keras_munet.config import FOUR_SOURCES, DataConfig, STFTConfig
from keras_munet.data.cache import prepare
from keras_munet.errors import DataError
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


def test_unzipped_packs_are_what_prepare_reads(packs, tmp_path):
    for pack in packs.glob("*.zip"):
        split = "valid" if pack.name.startswith("valid") else "train"
        zipfile.main(["-e", str(pack), str(tmp_path / "songs" / split)])
    stft = STFTConfig(sample_rate=script("pack").RATE, n_frames=64)
    config = DataConfig(sources=FOUR_SOURCES, stft=stft)
    dataset = prepare(tmp_path / "songs", tmp_path / "cache", config, workers=1)
    assert [shard.split for shard in dataset.shards] == ["train"] * 3 + ["valid"]
    for shard in dataset.shards:
        assert shard.n_chunks == int(SECONDS * stft.sample_rate / stft.chunk_length)
    assert dataset.covers_mixture
