import dataclasses
import itertools

import numpy as np
import pytest
from separation_tools import Constant, Ones, Random, Relative, music

from keras_munet import dsp
from keras_munet.audio.reading import downmix, resample
from keras_munet.config import FOUR_SOURCES, STFTConfig
from keras_munet.errors import ModelError
from keras_munet.separation.band import carrier_grid, full_band_masks, normalize
from keras_munet.separation.masks import MaskStream, fade, window_step
from keras_munet.separation.overlap_add import Analysis, Synthesis
from keras_munet.separation.separator import Separator

STFT = STFTConfig()
RATES = (8000, 22050, 44100, 48000, 96000)
LENGTHS_S = (None, 100, 5.9, 6.0, 61.3)


def _length(seconds, rate):
    if seconds is None:
        return 1
    return seconds if isinstance(seconds, int) else round(seconds * rate)


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("seconds", LENGTHS_S)
@pytest.mark.parametrize("rate", RATES)
def test_masks_of_one_give_the_input_back(rate, seconds, n_channels):
    audio = music(_length(seconds, rate) / rate, rate, n_channels)
    audio[0], audio[-1] = 0.9, -0.9
    stems = Separator(Ones(), masks="raw").separate(audio, rate)
    for stem in stems.values():
        assert stem.shape == audio.shape and stem.dtype == np.float32
        np.testing.assert_allclose(stem, audio, atol=1e-4)


@pytest.mark.parametrize("rate", [8000, 44100, 10880])
@pytest.mark.parametrize("seconds", [None, 100, 7.3])
def test_masks_of_one_give_the_mono_signal_in_the_models_band(rate, seconds):
    audio = music(_length(seconds, rate) / rate, rate)
    stems = Separator(Ones(), masks="raw", band="model").separate(audio, rate)
    mono = resample(downmix(audio)[:, None], rate, STFT.sample_rate)
    np.testing.assert_allclose(stems["vocals"], mono, atol=1e-5)


@pytest.mark.parametrize("n_channels", [3, 6, 8])
def test_every_number_of_channels(n_channels):
    audio = music(0.7, 192000, n_channels)
    stems = Separator(Ones(), masks="raw").separate(audio, 192000)
    np.testing.assert_allclose(stems["vocals"], audio, atol=1e-4)


@pytest.mark.parametrize("band", ["full", "model"])
@pytest.mark.parametrize("batch", [1, 3])
def test_block_sizes_change_nothing(band, batch):
    audio = music(21.7, 22050)
    separator = Separator(Random(), band=band, batch=batch, overlap=0.4)
    whole = separator.separate(audio, 22050)
    for ends in ([0, 1, 2, 3, 9999, len(audio)], range(0, len(audio) + 7000, 7000)):
        stream = separator.open_stream(22050, 2)
        blocks = [audio[a:b] for a, b in itertools.pairwise(ends)]
        parts = [*(stream.push(block) for block in blocks), stream.flush()]
        for name, stem in whole.items():
            joined = np.concatenate([part[name] for part in parts])
            np.testing.assert_array_equal(joined, stem)


def test_latency_is_one_window_and_a_little():
    audio = music(30, 22050, 1)
    stream = Separator(Random()).open_stream(22050, 1)
    n_in = n_out = 0
    for block in np.array_split(audio, 200):
        n_in += len(block)
        n_out += len(stream.push(block)["vocals"])
        assert n_in - n_out < 6.9 * 22050
    n_out += len(stream.flush()["vocals"])
    assert n_out == len(audio)


def test_the_generator_gives_the_same_as_the_whole():
    audio = music(13, 16000)
    separator = Separator(Random())
    pieces = list(separator.stream(np.array_split(audio, 11), 16000))
    assert all(len(piece["vocals"]) for piece in pieces)
    for name, stem in separator.separate(audio, 16000).items():
        joined = np.concatenate([piece[name] for piece in pieces])
        np.testing.assert_allclose(joined, stem, atol=1e-6)


@pytest.mark.parametrize("rate", [22050, 44100])
def test_the_stream_does_what_the_rule_says(rate):
    """Against the plain form: all masks, carried at once, through `dsp.stft`."""
    audio = music(14.3, rate)
    runtime = Random()
    stream = MaskStream(runtime, overlap=0.25, batch=1)
    mono = resample(downmix(audio)[:, None], rate, STFT.sample_rate)
    masks = np.concatenate([*stream.push(mono), *stream.flush()], axis=1)
    carried = full_band_masks(normalize(masks), rate, len(audio), STFT)

    grid = carrier_grid(rate, STFT)
    settings = {"n_fft": grid.n_fft, "hop_length": grid.hop_length}
    padded = np.pad(audio, ((0, -len(audio) % grid.hop_length), (0, 0))).T
    spectrum = np.swapaxes(dsp.stft(padded, **settings), 1, 2)
    product = np.swapaxes(spectrum * carried[0], 1, 2)
    expected = dsp.istft(product, length=len(audio), **settings).T

    stems = Separator(runtime).separate(audio, rate)
    np.testing.assert_allclose(stems["vocals"], expected, atol=2e-5)
    np.testing.assert_allclose(stems["accompaniment"], audio - expected, atol=2e-5)


def test_windows_are_cross_faded_frame_by_frame():
    class Counting(Ones):
        """Masks equal to the number of the call."""

        n_calls = 0

        def window(self, waveform, shape):
            self.n_calls += 1
            return np.full(shape, self.n_calls, np.float32)

    stream = MaskStream(Counting(), overlap=0.25, batch=1)
    signal = np.zeros((2 * STFT.chunk_length, 1), np.float32)
    masks = np.concatenate([*stream.push(signal), *stream.flush()], axis=1)[0, :, 0]
    step = window_step(STFT, 0.25)
    assert masks.shape == (2 * STFT.chunk_length // STFT.hop_length + 1,)
    np.testing.assert_allclose(masks[:step], 1, rtol=1e-6)
    faded = masks[step : STFT.n_frames]
    assert np.all(np.diff(faded) > 0) and faded[0] > 1 and faded[-1] < 2
    np.testing.assert_allclose(faded + faded[::-1], 3, rtol=1e-5)
    np.testing.assert_allclose(masks[STFT.n_frames : 2 * step], 2, rtol=1e-6)


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.9, 0.999])
def test_every_frame_has_a_weight(overlap):
    step = window_step(STFT, overlap)
    weights = fade(STFT.n_frames, step)
    assert 1 <= step < STFT.n_frames and weights.min() > 0 and weights.max() <= 1
    np.testing.assert_allclose(weights, weights[::-1])


@pytest.mark.parametrize("overlap", [0.05, 0.25, 0.5])
def test_one_window_fades_out_as_the_next_fades_in(overlap):
    step = window_step(STFT, overlap)
    weights = fade(STFT.n_frames, step)
    shared = STFT.n_frames - step
    np.testing.assert_allclose(weights[:shared] + weights[step:], 1, rtol=1e-6)


@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.9])
def test_masks_of_one_at_any_overlap(overlap):
    audio = music(14, 8000, 1)
    stems = Separator(Ones(), masks="raw", overlap=overlap).separate(audio, 8000)
    np.testing.assert_allclose(stems["vocals"], audio, atol=1e-4)


def test_a_model_of_shorter_windows():
    audio = music(5, 22050)
    for runtime, masks in ((Ones(), "raw"), (Random(), "sum")):
        stft = dataclasses.replace(runtime.config.stft, n_frames=64)
        runtime.config = dataclasses.replace(runtime.config, stft=stft)
        stems = Separator(runtime, masks=masks).separate(audio, 22050)
        if masks == "raw":
            np.testing.assert_allclose(stems["vocals"], audio, atol=1e-4)
        else:
            np.testing.assert_allclose(sum(stems.values()), audio, atol=1e-6)


@pytest.mark.parametrize("values", [(0.3, 0.9), (0.0, 0.0), (1.0, 2.0, 3.0, 0.1)])
def test_stems_sum_to_the_mixture(values):
    audio = music(7.1, 44100)
    stems = Separator(Constant(*values)).separate(audio, 44100)
    np.testing.assert_allclose(sum(stems.values()), audio, atol=1e-6)
    share = (values[0] + 1e-6) / (sum(values) + len(values) * 1e-6)
    np.testing.assert_allclose(stems["vocals"], share * audio, atol=1e-4)


def test_raw_masks_are_left_alone():
    audio = music(6.5, 44100)
    stems = Separator(Constant(0.3, 1.7), masks="raw").separate(audio, 44100)
    np.testing.assert_allclose(stems["vocals"], 0.3 * audio, atol=1e-4)
    np.testing.assert_allclose(stems["accompaniment"], 1.7 * audio, atol=2e-4)


def test_two_stems_of_a_model_of_four():
    audio = music(6.5, 44100)
    separator = Separator(Constant(1, 2, 3, 4), two_stems="drums")
    stems = separator.separate(audio, 44100)
    assert list(stems) == ["drums", "no_drums"]
    np.testing.assert_allclose(stems["drums"], 0.2 * audio, atol=1e-4)
    np.testing.assert_allclose(sum(stems.values()), audio, atol=1e-6)
    only = Separator(Constant(1, 2, 3, 4), two_stems="vocals", stems=["accompaniment"])
    assert list(only.separate(audio, 44100)) == ["accompaniment"]


def test_a_model_of_one_source_gives_it_and_the_rest():
    audio = music(6.5, 44100)
    stems = Separator(Constant(0.25, sources=("vocals",))).separate(audio, 44100)
    np.testing.assert_allclose(stems["vocals"], 0.25 * audio, atol=1e-4)
    np.testing.assert_allclose(stems["accompaniment"], 0.75 * audio, atol=1e-4)


def test_a_choice_of_stems_is_that_of_all_of_them():
    audio = music(7, 22050)
    every = Separator(Random(FOUR_SOURCES)).separate(audio, 22050)
    some = Separator(Random(FOUR_SOURCES), stems=["other", "bass"])
    chosen = some.separate(audio, 22050)
    assert list(chosen) == ["bass", "other"]
    for name, stem in chosen.items():
        np.testing.assert_allclose(stem, every[name], atol=1e-6)


def test_silence_stays_silence():
    stems = Separator(Random()).separate(np.zeros((50000, 2), np.float32), 44100)
    for stem in stems.values():
        np.testing.assert_array_equal(stem, 0)


def test_a_gain_is_a_gain_where_the_network_is_scale_invariant():
    audio = music(8, 22050)
    loud = Separator(Relative()).separate(audio, 22050)
    soft = Separator(Relative()).separate(audio * np.float32(0.125), 22050)
    for name, stem in soft.items():
        np.testing.assert_allclose(stem, 0.125 * loud[name], atol=1e-6)


def test_swapping_left_and_right_swaps_the_stems():
    audio = music(8, 44100)
    plain = Separator(Random()).separate(audio, 44100)
    swapped = Separator(Random()).separate(audio[:, ::-1].copy(), 44100)
    for name, stem in swapped.items():
        np.testing.assert_array_equal(stem, plain[name][:, ::-1])


def test_inputs_are_left_as_found():
    audio = music(7, 22050)
    before = audio.copy()
    Separator(Random()).separate(audio, 22050)
    np.testing.assert_array_equal(audio, before)


@pytest.mark.parametrize("n_samples", [1, 100, 3000, 50001])
def test_analysis_gives_the_frames_of_the_plain_transform(n_samples):
    grid = carrier_grid(44100, STFT)
    audio = music(n_samples / 44100, 44100)
    analysis = Analysis(grid, 2)
    for block in np.array_split(audio, 3):
        analysis.push(block)
    analysis.finish()
    padded = np.pad(audio, ((0, -len(audio) % grid.hop_length), (0, 0))).T
    expected = dsp.stft(padded, n_fft=grid.n_fft, hop_length=grid.hop_length)
    frames = analysis.read(range(analysis.n_ready))
    np.testing.assert_allclose(frames, np.swapaxes(expected, 1, 2), atol=2e-3)


@pytest.mark.parametrize("group", [1, 2, 7, 100])
def test_synthesis_does_not_depend_on_how_frames_are_grouped(rng, group):
    grid = carrier_grid(8000, STFT)
    shape = (1, 2, 21, grid.n_bins)
    frames = (rng.random(shape) + 1j * rng.random(shape)).astype(np.complex64)

    def signal(size):
        synthesis = Synthesis(grid, 1, 2)
        parts = [
            synthesis.add(frames[:, :, a : a + size].copy()) for a in range(0, 21, size)
        ]
        return np.concatenate([*parts, synthesis.finish(5000)], axis=1)

    assert signal(group).shape == (1, 5000, 2)
    np.testing.assert_allclose(signal(group), signal(21), atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"overlap": 1.0}, r"`overlap` must lie in \[0, 1\). Received: overlap=1.0"),
        ({"band": "half"}, "`band` must be 'full' or 'model'. Received: band='half'"),
        ({"masks": "soft"}, "`masks` must be 'sum' or 'raw'. Received: masks='soft'"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        Separator(Ones(), **settings)


def test_a_batch_of_nothing():
    with pytest.raises(ValueError, match="`batch` must be at least 1"):
        Separator(Ones(), batch=0).open_stream(44100, 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stems": ["drums"]}, "no stem 'drums'. It gives: vocals, accompaniment"),
        ({"two_stems": "bass"}, "no stem 'bass'"),
    ],
)
def test_a_source_that_the_model_does_not_have(settings, message):
    with pytest.raises(ModelError, match=message):
        Separator(Ones(), **settings)


def test_accompaniment_of_a_model_of_four_has_a_hint():
    with pytest.raises(ModelError, match="two stems of `vocals`"):
        Separator(Ones(FOUR_SOURCES), stems=["accompaniment"])


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (np.zeros(100, np.float32), r"floats \(samples, channels\).*\(100,\)"),
        (np.zeros((100, 0), np.float32), r"\(100, 0\)"),
        (np.zeros((100, 2), np.int16), "int16"),
        (np.full((100, 2), np.nan, np.float32), "NaN or infinite"),
    ],
)
def test_arrays_that_are_no_audio(audio, message):
    with pytest.raises(ValueError, match=message):
        Separator(Ones()).separate(audio, 44100)


def test_a_network_that_gives_nonsense():
    with pytest.raises(ModelError, match="masks that are not finite"):
        Separator(Constant(np.nan, 1.0)).separate(music(1, 8000), 8000)
