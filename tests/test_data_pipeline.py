"""The pipeline: order and augmentation depend on (seed, epoch), and sums hold."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from data_tools import SHORT, config, song, write_songs, write_stems

from keras_munet.config import FOUR_SOURCES
from keras_munet.data.augment import draw_plan
from keras_munet.data.cache import prepare
from keras_munet.data.pipeline import chunks
from keras_munet.errors import DataError

MAPS = Path("/proc/self/maps")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("pipeline")
    settings = config(sources=FOUR_SOURCES, silence_energy=0.0)
    return prepare(write_songs(root / "songs", 4), root / "cache", settings, workers=1)


def read(dataset, split="train", **settings):
    defaults = {
        "batch_size": 4,
        "epoch": 0,
        "seed": 0,
        "shuffle": False,
        "keep_silent": True,
    }
    batches = [b.numpy() for b in chunks(dataset, split, **{**defaults, **settings})]
    return np.concatenate(batches)


def test_batches_have_the_promised_shape(dataset):
    batches = list(read_batches(dataset, batch_size=4))
    assert [b.shape for b in batches] == [
        (4, SHORT.chunk_length, 5),
        (2, SHORT.chunk_length, 5),
    ]
    assert batches[0].dtype == np.float32
    full = list(read_batches(dataset, batch_size=4, drop_remainder=True))
    assert [b.shape[0] for b in full] == [4]


def read_batches(dataset, **settings):
    pipeline = chunks(
        dataset, "train", epoch=0, seed=0, shuffle=False, keep_silent=True, **settings
    )
    assert pipeline.element_spec.shape[1:] == (SHORT.chunk_length, 5)
    return pipeline.as_numpy_iterator()


def test_unshuffled_chunks_are_the_tracks_in_order(dataset):
    first = next(shard for shard in dataset.shards if shard.split == "train")
    batch = read(dataset)
    raw = np.fromfile(dataset.shard_path(first), np.uint8)
    record = raw[: len(raw) // first.n_chunks][12:-4].view("<i2").reshape(-1, 5)
    assert np.array_equal(batch[0], record.astype(np.float32) * np.float32(1 / 32767))
    total = batch[..., :-1].sum(axis=-1)
    assert np.abs(total - batch[..., -1]).max() < 3 / 32767  # rounding of int16


def test_an_epoch_shuffles_every_chunk_once(dataset):
    plain = read(dataset)
    epochs = [read(dataset, shuffle=True, epoch=epoch) for epoch in (0, 1)]
    again = read(dataset, shuffle=True, epoch=0)
    reseeded = read(dataset, shuffle=True, epoch=0, seed=1)
    assert np.array_equal(epochs[0], again)
    assert not np.array_equal(epochs[0], epochs[1])
    assert not np.array_equal(epochs[0], reseeded)
    for epoch in (*epochs, reseeded):
        assert sorted(epoch[:, 0, 0]) == sorted(plain[:, 0, 0])


@pytest.mark.skipif(not MAPS.exists(), reason="Linux lists a process's mappings")
def test_shards_are_mapped_once_whatever_the_epochs(dataset):
    def mappings():
        return MAPS.read_text().count(str(dataset.folder))

    read(dataset, epoch=0)
    before = mappings()
    for epoch in range(1, 4):
        read(dataset, epoch=epoch, augment=("remix",))
    assert mappings() == before >= 1


def test_the_batch_size_does_not_change_the_order(dataset):
    settings = {"shuffle": True, "augment": ("gain", "polarity", "remix")}
    one, many = (read(dataset, batch_size=n, **settings) for n in (1, 6))
    assert np.array_equal(one, many)


@pytest.mark.parametrize("name", ["gain", "polarity", "remix", "speed", "equalizer"])
def test_after_augmentation_the_mixture_is_the_sum(dataset, name):
    plain = read(dataset)
    batch = read(dataset, augment=(name,))
    assert np.array_equal(batch, read(dataset, augment=(name,)))
    assert not np.array_equal(batch, read(dataset, augment=(name,), epoch=1))
    total = batch[..., :-1].sum(axis=-1)
    assert np.abs(total - batch[..., -1]).max() < 1e-6
    if name in ("speed", "equalizer"):
        assert np.abs(batch - plain).max() > 0.01
        return
    if name == "remix":
        for k in range(4):
            assert sorted(batch[:, 5, k]) == pytest.approx(sorted(plain[:, 5, k]))
        return
    inner = np.einsum("bnk,bnk->bk", batch[..., :4], plain[..., :4])
    gains = inner / np.einsum("bnk,bnk->bk", plain[..., :4], plain[..., :4])
    assert np.allclose(batch[..., :4], gains[:, None] * plain[..., :4], atol=1e-6)
    if name == "gain":
        assert 0.25 <= gains.min() < gains.max() <= 1.25
    else:
        assert set(np.round(gains.ravel(), 5)) == {-1.0, 1.0}


def test_what_the_sources_do_not_cover_stays_in_the_mixture(tmp_path):
    settings = config(sources=("vocals", "drums"), silence_energy=0.0)
    songs = write_songs(tmp_path / "songs", 2)
    dataset = prepare(songs, tmp_path / "cache", settings, workers=1)
    assert not dataset.covers_mixture
    plain = read(dataset, batch_size=1)
    rest = plain[..., -1] - plain[..., :-1].sum(axis=-1)
    for augment in (("gain",), ("remix", "polarity"), ("equalizer",)):
        batch = read(dataset, batch_size=1, augment=augment)
        kept = batch[..., -1] - batch[..., :-1].sum(axis=-1)
        assert np.abs(kept - rest).max() < 1e-6
        assert np.abs(batch - plain).max() > 0.01


def test_channels_are_left_right_or_mid(tmp_path):
    write_stems(tmp_path / "songs", song(0, 16.0))
    settings = config(n_channels=2, silence_energy=0.0)
    dataset = prepare(tmp_path / "songs", tmp_path / "cache", settings, workers=1)
    mid = read(dataset)
    picked = read(dataset, augment=("channels",))
    (shard,) = dataset.shards
    raw = np.fromfile(dataset.shard_path(shard), np.uint8).reshape(len(mid), -1)
    raw = np.ascontiguousarray(raw[:, 12:-4]).view("<i2")
    left, right = np.moveaxis(raw.reshape(len(mid), 2, -1, 3) / 32767, 1, 0)
    assert np.allclose(mid, (left + right) / 2, atol=1e-6)
    seen = set()
    for k in range(len(mid)):
        near = [np.abs(picked[k] - x[k]).max() < 1e-4 for x in (left, right, mid)]
        assert sum(near) == 1
        seen.add(near.index(True))
    assert seen == {0, 1, 2}


def test_channels_need_a_cache_with_channels(dataset):
    with pytest.raises(DataError, match=r"down-mix only. Prepare.*--channels 2"):
        read(dataset, augment=("channels",))


def test_unknown_augmentation(dataset):
    with pytest.raises(ValueError, match=r"`augment` must be of gain.*'pitch'"):
        read(dataset, augment=("pitch",))


def test_silent_chunks_are_dropped_unless_kept(dataset):
    shards = tuple(
        replace(shard, silent=(True,) * (shard.n_chunks - 1) + (False,))
        for shard in dataset.shards
    )
    some = replace(dataset, shards=shards)
    assert len(read(some)) == 6
    assert len(read(some, batch_size=1, keep_silent=False)) == 3
    silent = (replace(s, silent=(True,) * s.n_chunks) for s in shards)
    with pytest.raises(
        DataError, match=r"All 6 chunks of the train split.*keep-silent"
    ):
        read(replace(dataset, shards=tuple(silent)), keep_silent=False)


def test_a_batch_larger_than_the_data_set(dataset):
    with pytest.raises(DataError, match=r"batch of 7 is larger than the 6 training.*6"):
        read(dataset, batch_size=7)
    assert len(read(dataset, "valid", batch_size=7)) == 2
    with pytest.raises(ValueError, match="`batch_size` must be positive"):
        read(dataset, batch_size=0)
    with pytest.raises(DataError, match="no chunks in its test split"):
        read(dataset, "test")


def test_a_plan_without_augmentation_is_plain():
    plan = draw_plan(5, 2, seed=0, epoch=0, shuffle=True)
    assert plan.is_plain and sorted(plan.rows) == [0, 1, 2, 3, 4]
    for name in ("gain", "polarity", "channels", "remix"):
        drawn = draw_plan(50, 2, seed=0, epoch=0, shuffle=False, augment=(name,))
        assert not drawn.is_plain
