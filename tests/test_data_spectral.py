"""Speed and equaliser: what they do to a tone, and what they leave."""

import numpy as np
import pytest
from scipy.fft import next_fast_len

from keras_munet.audio.resample import resample
from keras_munet.data.augment import MOST_BAND_GAIN, SPEED_RANGE, draw_plan
from keras_munet.data.spectral import EDGE, transform
from keras_munet.dsp import BANDS_HZ

RATE, LENGTH = 10880, 33534  # the paper's rate; 128 frames


def tone(hertz):
    """A tone that fades in and out, so that the ends of a chunk do not matter."""
    time = np.arange(LENGTH) / RATE
    return (np.hanning(LENGTH) * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def peak_hertz(signal):
    spectrum = np.abs(np.fft.rfft(signal * np.hanning(len(signal)), 16 * LENGTH))
    return spectrum.argmax() * RATE / (16 * LENGTH)


FLAT = np.zeros(len(BANDS_HZ))


def play(signal, speed=1.0, gains=FLAT):
    speeds, band_gains = np.float32([[speed]]), np.float32([[gains]])
    return transform(signal[None, :, None], speeds, band_gains, RATE)[0, :, 0]


@pytest.mark.parametrize("speed", [0.8, 0.93, 1.1, 1.25])
def test_a_tone_moves_by_the_speed_and_keeps_its_level(speed):
    played = play(tone(700.0), speed)
    assert peak_hertz(played) == pytest.approx(700.0 * speed, rel=0.01)
    assert np.abs(played).max() == pytest.approx(1.0, abs=0.01)
    envelope = np.abs(played) > 0.5
    assert np.flatnonzero(envelope).mean() == pytest.approx(LENGTH / 2, rel=0.01)


def test_faster_is_shorter_and_goes_on_in_circles():
    noise = np.random.default_rng(0).standard_normal(LENGTH).astype(np.float32)
    played = play(noise, 1.25)
    n_missing = LENGTH - next_fast_len(round(LENGTH / 1.25))
    before = n_missing // 2
    after = n_missing - before
    assert np.array_equal(played[:before], played[-after - before : -after])
    assert np.array_equal(played[-after:], played[before : before + after])
    whole = played[before:-after]
    spectrum, expected = np.fft.rfft(whole), np.fft.rfft(noise)
    kept = int(EDGE * len(whole) / 2)
    scale = len(whole) / LENGTH
    assert np.allclose(spectrum[:kept], scale * expected[:kept], atol=1e-2)


@pytest.mark.parametrize("band", range(len(BANDS_HZ) - 1))  # the last is too high
def test_an_equaliser_gives_each_band_its_gain(band):
    gains = np.linspace(-6.0, 6.0, len(BANDS_HZ))
    played, signal = play(tone(BANDS_HZ[band]), gains=gains), tone(BANDS_HZ[band])
    assert 20 * np.log10(played.std() / signal.std()) == pytest.approx(
        gains[band], abs=0.05
    )


def test_speed_one_and_no_gain_is_the_signal_itself():
    signal = tone(300.0)
    assert np.array_equal(play(signal), signal)
    # A curve without a bend changes the level alone.
    assert np.allclose(play(signal, gains=(6.0,) * 6), 10**0.3 * signal, atol=1e-5)


@pytest.mark.parametrize("speed", [0.8, 1.25])
def test_no_band_becomes_louder_or_quieter(speed):
    noise = np.random.default_rng(0).standard_normal(4 * RATE).astype(np.float32)
    noise = resample(noise[:, None], 4 * RATE, RATE)[:LENGTH, 0]
    noise = np.pad(noise, (0, LENGTH - len(noise)), mode="wrap")
    bands = []
    for signal in (noise, play(noise, speed)):
        power = np.abs(np.fft.rfft(signal)) ** 2
        bands.append([band.mean() for band in np.array_split(power, 20)])
    levels = 10 * np.log10(bands)
    assert np.ptp(levels[0]) > 6.0  # what a resampler leaves of the topmost band
    np.testing.assert_allclose(
        levels[1] - levels[1][0], levels[0] - levels[0][0], atol=3.0
    )


def test_speed_does_not_alias():
    played = play(tone(5000.0), 1.25)  # 6250 Hz: more than half the rate
    assert np.abs(played).max() < 1e-3


def test_sources_of_a_chunk_go_together_unless_they_are_remixed():
    settings = {"seed": 0, "epoch": 0, "shuffle": False}
    together = draw_plan(500, 3, augment=("speed",), **settings).speeds
    assert (together == together[:, :1]).all()
    apart = draw_plan(500, 3, augment=("speed", "remix"), **settings).speeds
    assert (np.ptp(apart, axis=1) > 0).all()
    for speeds in (together, apart):
        assert SPEED_RANGE[0] <= speeds.min() < 0.81
        assert 1.24 < speeds.max() <= SPEED_RANGE[1]
        assert np.log(speeds).mean() == pytest.approx(0.0, abs=0.02)


def test_an_equaliser_leaves_what_the_sources_do_not_cover():
    settings = {"seed": 0, "epoch": 0, "shuffle": False}
    plan = draw_plan(500, 3, augment=("equalizer",), **settings)
    assert not plan.band_gains[:, -1].any()
    gains = plan.band_gains[:, :-1]
    assert gains.min() == pytest.approx(-MOST_BAND_GAIN, abs=0.1)
    assert gains.max() == pytest.approx(MOST_BAND_GAIN, abs=0.1)
