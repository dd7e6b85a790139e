"""Energies on the axis of the loss, and the weights that a run makes of energies."""

import dataclasses

import numpy as np
import pytest
from training_tools import OneStep, quick, small_cache

from keras_munet import dsp
from keras_munet.config import FitConfig
from keras_munet.data.batches import CachedBatches
from keras_munet.errors import MunetError
from keras_munet.training.energies import warped_energies
from keras_munet.training.loop import fit


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return small_cache(tmp_path_factory.mktemp("energies"))


class _Chunks:
    """Training data of NumPy arrays."""

    steps_per_epoch = 2

    def __init__(self, chunks):
        self.chunks, self.n_training = chunks, len(chunks)
        self.energies = {}

    def batches(self, split, *, epoch, config):
        assert (split, config.augment) == ("train", ())
        return [self.chunks[:2], self.chunks[2:]]


def test_warped_energies_are_those_of_the_warped_spectrogram(rng):
    config = quick(augment=("gain",))
    stft = config.model.stft
    n = np.arange(stft.chunk_length) / stft.sample_rate
    tones = [np.sin(2 * np.pi * hz * n) for hz in (100, 4000)]  # equally loud
    chunks = np.stack([*tones, tones[0] + tones[1]], -1) * rng.random((3, 1, 1))
    chunks = chunks.astype(np.float32)
    found = warped_energies(_Chunks(chunks), config)
    expected = []
    for k in range(2):
        rows = [
            dsp.warp_matrix(stft)
            @ np.abs(dsp.stft(chunk, n_fft=stft.n_fft, hop_length=stft.hop_length))
            for chunk in chunks[..., k]
        ]
        expected.append(np.mean([np.sum(np.square(spectrum)) for spectrum in rows]))
    np.testing.assert_allclose(list(found.values()), expected, rtol=1e-3)
    # Low notes have more rows than bins, high ones fewer.
    low, high = found.values()
    assert low > 4 * high


@pytest.mark.parametrize("energies", ["waveform", "warped"])
def test_weights_in_the_history_are_the_largest_energy_by_each(
    dataset, energies, tmp_path
):
    config = quick(weighting="ebw-p1", energies=energies, epochs=1, batch_size=8)
    data = OneStep(CachedBatches(dataset, config))
    measured = data.energies
    if energies == "warped":
        measured = warped_energies(data, config)
    (row,) = fit(data, config, tmp_path).history
    sources = config.model.sources
    largest = max(measured[source] for source in sources)
    for source in sources:
        expected = largest / measured[source]
        assert row[f"weight_{source}"] == pytest.approx(expected, rel=1e-5)
    assert measured["vocals"] < measured["accompaniment"]


@pytest.mark.parametrize("weighting", ["unit", "dwa", "ebw-inst-p1"])
def test_energies_that_nothing_uses_are_refused(weighting):
    with pytest.raises(ValueError, match="used by ebw-p1, ebw-p2, oh only"):
        FitConfig(weighting=weighting, energies="warped")
    with pytest.raises(MunetError, match="`energies` must be one of waveform, warped"):
        FitConfig.from_json('{"energies": "linear"}')
    dedicated = dataclasses.replace(quick("dedicated").model)
    with pytest.raises(ValueError, match="used by"):
        FitConfig(model=dedicated, energies="warped")
