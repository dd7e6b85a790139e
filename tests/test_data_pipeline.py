"""The pipeline: order and augmentation depend on (seed, epoch), and sums hold."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from data_tools import SHORT, config, song, write_songs, write_stems

from keras_munet.config import FOUR_SOURCES, TWO_SOURCES
from keras_munet.data.augment import draw_plan
from keras_munet.data.cache import prepare
from keras_munet.data.mixing import energies
from keras_munet.data.pipeline import as_dataset
from keras_munet.data.reader import ChunkBatches, Conditioned
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
    return np.concatenate(
        list(ChunkBatches(dataset, split, **{**defaults, **settings}))
    )


def test_batches_have_the_promised_shape(dataset):
    batches = list(read_batches(dataset, batch_size=4))
    assert len(batches) == 2
    assert [b.shape for b in batches] == [
        (4, SHORT.chunk_length, 5),
        (2, SHORT.chunk_length, 5),
    ]
    assert batches[0].dtype == np.float32
    full = list(read_batches(dataset, batch_size=4, drop_remainder=True))
    assert [b.shape[0] for b in full] == [4]


def read_batches(dataset, **settings):
    return ChunkBatches(
        dataset, "train", epoch=0, seed=0, shuffle=False, keep_silent=True, **settings
    )


@pytest.mark.parametrize("conditioned", [False, True])
def test_tensorflow_is_given_the_same_batches_bit_for_bit(dataset, conditioned):
    augment = ("remix", "gain", "polarity", "speed", "equalizer")
    batches = read_batches(dataset, batch_size=4, augment=augment)
    if conditioned:
        batches = Conditioned(batches, 4)
    data = as_dataset(batches)
    for _ in range(2):
        assert len(data) == len(batches) == len(list(data))
        for given, own in zip(data, batches, strict=True):
            given, own = (x if conditioned else (x,) for x in (given, own))
            for a, b in zip(given, own, strict=True):
                assert a.dtype == b.dtype == np.float32
                assert np.array_equal(a.numpy(), b)


def test_some_of_the_sources_can_be_asked_for(dataset):
    whole = read(dataset, augment=("gain",))
    some = read(dataset, augment=("gain",), sources=("bass", "vocals"))
    assert np.array_equal(some, whole[..., [2, 0, 4]])
    plain = read(dataset, sources=("bass",))
    assert np.array_equal(plain, read(dataset)[..., [2, 4]])


def test_sums_of_sources_are_what_another_cache_would_hold(dataset, tmp_path):
    songs, settings = dataset.folder.parent / "songs", config(silence_energy=0.0)
    two = prepare(songs, tmp_path / "cache", settings, workers=1)
    added = read(dataset, sources=TWO_SOURCES)
    assert np.abs(added - read(two)).max() < 3 / 32767
    measured = energies(dataset, TWO_SOURCES, keep_silent=True)
    assert list(measured) == [*TWO_SOURCES, "mixture"]
    assert measured == pytest.approx(two.energies, rel=1e-3)
    augment = ("remix", "gain", "equalizer", "speed")
    whole = read(dataset, augment=augment)
    added = read(dataset, augment=augment, sources=TWO_SOURCES)
    sums = whole[..., 0], whole[..., 1:4].sum(axis=-1), whole[..., 4]
    assert np.allclose(added, np.stack(sums, axis=-1), atol=1e-6)
    with pytest.raises(DataError, match=r"'piano' is no source.*vocals, drums, bass"):
        read(dataset, sources=("piano",))


def test_shifted_chunks_are_pieces_of_their_song(dataset):
    shifted = read(dataset, augment=("shift",))
    rows = dataset.chunk_index("train", keep_silent=True)
    songs = {}
    for shard, number in rows:
        whole = np.concatenate(dataset.mapped(int(shard))[:, 0]) / np.float32(32767)
        songs.setdefault(int(shard), []).append((int(number), whole))
    begins = []
    for batch, (shard, number) in zip(shifted, rows, strict=True):
        whole = songs[int(shard)][0][1]
        near = np.abs(whole[:, 0] - batch[0, 0]) + np.abs(whole[:, 3] - batch[0, 3])
        begins.append(int(near.argmin()))
        piece = whole[begins[-1] : begins[-1] + SHORT.chunk_length]
        assert np.allclose(piece[:, :4], batch[:, :4], atol=1e-6)
        assert 0 <= begins[-1] - number * SHORT.chunk_length < SHORT.chunk_length
    assert np.count_nonzero(np.array(begins) % SHORT.chunk_length) >= 2
    apart = read(dataset, augment=("shift", "remix"))
    assert np.abs(apart[..., :4].sum(axis=-1) - apart[..., 4]).max() < 1e-6


def test_a_batch_that_cannot_be_read_is_an_error_where_it_is_used(dataset):
    broken = replace(dataset)
    broken.mapped(0)
    broken._maps[0] = np.zeros((1, 1, 5, 5), np.int16)
    with pytest.raises(ValueError, match="could not broadcast"):
        read(broken)


def test_unshuffled_chunks_are_the_tracks_in_order(dataset):
    first = next(shard for shard in dataset.shards if shard.split == "train")
    batch = read(dataset)
    chunk = np.load(dataset.shard_path(first))[0, 0]
    assert np.array_equal(batch[0], chunk.astype(np.float32) * np.float32(1 / 32767))
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
    left, right = np.moveaxis(np.load(dataset.shard_path(shard)) / 32767, 1, 0)
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


def test_most_are_remixed_and_some_stay_together():
    settings = {"seed": 0, "epoch": 0, "shuffle": True}
    augment = ("remix-most", "speed", "shift", "silence")
    plan = draw_plan(4000, 4, augment=augment, **settings)
    own = plan.source_rows == plan.rows[:, None]
    assert own.all(axis=1).mean() == pytest.approx(0.25, abs=0.03)
    band = (plan.source_rows[:, 1:] == plan.source_rows[:, 1:2]).all(axis=1)
    assert band.mean() == pytest.approx(0.25 + 0.75 / 2, abs=0.03)
    for values in (plan.speeds, plan.shifts):
        assert (np.ptp(values[band, 1:4], axis=1) == 0).all()
        assert (np.ptp(values[own.all(axis=1)], axis=1) == 0).all()
        assert np.ptp(values[~band], axis=1).min() > 0
    assert (plan.gains == 0).mean() == pytest.approx(0.12, abs=0.01)
    quiet = draw_plan(4000, 1, augment=("silence",), **settings)
    assert (quiet.gains == 1).all()


def test_a_plan_without_augmentation_is_plain():
    plan = draw_plan(5, 2, seed=0, epoch=0, shuffle=True)
    assert plan.is_plain and sorted(plan.rows) == [0, 1, 2, 3, 4]
    for name in ("gain", "polarity", "channels", "remix", "shift"):
        drawn = draw_plan(50, 2, seed=0, epoch=0, shuffle=False, augment=(name,))
        assert not drawn.is_plain
