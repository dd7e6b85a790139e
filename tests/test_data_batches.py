"""What training gets of a cache: which chunks, and whose energies."""

import numpy as np
import pytest
from data_tools import CHUNK_S, SHORT, config, write_stems
from training_tools import quick

from keras_munet.config import TWO_SOURCES, ModelConfig
from keras_munet.data import cache
from keras_munet.data.batches import CachedBatches
from keras_munet.data.shards import FULL_SCALE

RATE = SHORT.sample_rate
N_CHUNKS = 6
LEVELS = {"vocals": 0.2, "accompaniment": 0.07}
PAUSE = 2
"""Chunk in which the vocals are silent, in every track."""


def _track(seed):
    """Noise at the model's own rate, so that chunks are slices of it."""
    rng = np.random.default_rng(seed)
    n = round(N_CHUNKS * CHUNK_S * RATE)
    stems = {}
    for name, level in LEVELS.items():
        stems[name] = level * rng.standard_normal((n, 1)).clip(-2, 2)
    length = SHORT.chunk_length
    stems["vocals"][PAUSE * length : (PAUSE + 1) * length] = 0
    return {name: audio.astype(np.float32) for name, audio in stems.items()}


@pytest.fixture(scope="module")
def tracks():
    return {"train": [_track(1), _track(2)], "valid": [_track(3)]}


@pytest.fixture(scope="module")
def dataset(tracks, tmp_path_factory):
    root = tmp_path_factory.mktemp("batches")
    for split, songs in tracks.items():
        for number, stems in enumerate(songs):
            write_stems(root / "songs" / split / f"{split} {number}", stems, RATE)
    return cache.prepare(root / "songs", root / "cache", config(), workers=1)


def _energies(songs, *, pauses):
    """The mean over chunks of eq. (6)'s energy, from the songs themselves."""
    means = {}
    for name in LEVELS:
        rows = np.concatenate([song[name].reshape(N_CHUNKS, -1) for song in songs])
        heard = np.arange(len(rows)) % N_CHUNKS != PAUSE
        rows = rows if pauses else rows[heard]
        means[name] = 65_280 * float(np.mean(np.square(rows, dtype=np.float64)))
    return means


def _names(sources, **settings):
    model = ModelConfig(sources=sources, stft=SHORT, unet=quick().model.unet)
    return quick(model=model, **settings)


@pytest.mark.parametrize("keep_silent", [False, True])
@pytest.mark.parametrize("sources", [TWO_SOURCES, TWO_SOURCES[::-1]])
def test_energies_belong_to_the_chunks_and_sources_that_are_trained_on(
    dataset, tracks, sources, keep_silent
):
    data = CachedBatches(dataset, _names(sources, keep_silent=keep_silent))
    wanted = _energies(tracks["train"], pauses=keep_silent)
    assert {name: data.energies[name] for name in wanted} == pytest.approx(wanted, 1e-3)
    assert data.n_training == 2 * (N_CHUNKS if keep_silent else N_CHUNKS - 1)


@pytest.mark.parametrize("sources", [TWO_SOURCES, TWO_SOURCES[::-1]])
def test_validation_has_all_chunks_in_order_silent_ones_too(dataset, tracks, sources):
    settings = _names(sources, batch_size=4)
    data = CachedBatches(dataset, settings)
    batches = data.batches("valid", epoch=0, config=settings)
    chunks = np.concatenate([batch.numpy() for batch in batches])
    (song,) = tracks["valid"]
    whole = [song[name].reshape(N_CHUNKS, -1) for name in sources]
    wanted = np.stack([*whole, sum(whole)], axis=-1)
    np.testing.assert_allclose(chunks, wanted, atol=0.51 / FULL_SCALE)  # rounded
    assert not chunks[PAUSE, :, sources.index("vocals")].any()


def test_training_has_no_chunk_with_a_silent_source(dataset):
    settings = _names(TWO_SOURCES)
    data = CachedBatches(dataset, settings)
    batches = data.batches("train", epoch=0, config=settings)
    chunks = np.concatenate([batch.numpy() for batch in batches])
    assert len(chunks) == data.n_training
    assert (np.abs(chunks).max(axis=1) > 0).all()


@pytest.mark.parametrize("sources", [TWO_SOURCES, TWO_SOURCES[::-1]])
def test_a_run_weights_each_source_by_its_own_energy(
    dataset, tracks, sources, tmp_path
):
    """Eq. (6) in `history.csv`: w_i = max E / E_i of the songs' own energies."""
    import csv

    from keras_munet.training.loop import fit

    settings = _names(sources, weighting="ebw-p1", epochs=1)
    fit(CachedBatches(dataset, settings), settings, tmp_path / "run")
    with (tmp_path / "run/history.csv").open() as file:
        (row,) = csv.DictReader(file)
    energies = _energies(tracks["train"], pauses=False)
    top = max(energies.values())
    for name, energy in energies.items():
        assert float(row[f"weight_{name}"]) == pytest.approx(top / energy, rel=1e-3)
    assert energies["vocals"] > 5 * energies["accompaniment"]
