"""The mixing desk: stems that sum to a record, silence that stays silent."""

import numpy as np
import pytest
import scipy.signal
from studio_tools import standin_parts

from keras_munet import dsp
from keras_munet.audio.resample import downmix, resample
from keras_munet.studio.score import RATE, Part, Score, draw_score

pytest.importorskip("pedalboard", reason="pip install 'keras-munet[studio]'")

from keras_munet.studio import desk
from keras_munet.studio.desk import (
    coding,
    dynamics,
    era,
    levels,
    master,
    mixer,
    space,
    stereo,
    strip,
)

STEMS = ("vocals", "drums", "bass", "other")


def song(index: int, seconds: float = 4.0) -> tuple[Score, dict[str, list[Part]]]:
    score = draw_score(np.random.default_rng([1, index]), seconds)
    return score, standin_parts(np.random.default_rng([2, index]), score)


def mixed(index: int, seconds: float = 4.0, mute: tuple[str, ...] = ()):
    score, parts = song(index, seconds)
    for stem in mute:
        quiet = [np.zeros_like(part.sound) for part in parts[stem]]
        parts[stem] = [Part(p.role, x) for p, x in zip(parts[stem], quiet, strict=True)]
    return desk.mix(np.random.default_rng([3, index]), score, parts)


def test_stems_are_finite_whole_and_below_full_scale():
    for index in range(4):
        stems = mixed(index, 1.0 + index / 3)
        assert tuple(stems) == STEMS
        for sound in (*stems.values(), sum(stems.values())):
            assert sound.dtype == np.float32 and sound.flags.c_contiguous
            assert sound.shape == (round((1.0 + index / 3) * RATE), 2)
            assert np.isfinite(sound).all() and np.abs(sound).max() < 0.98


@pytest.mark.parametrize("codec", [None, "mp3", "aac", "ogg"])
def test_silence_stays_exactly_silent(codec, monkeypatch):
    monkeypatch.setattr(mixer, "_CODED", 0.0 if codec is None else 1.0)
    monkeypatch.setattr(mixer, "_CODECS", (codec,))
    stems = mixed(1, 2.0, mute=("vocals", "bass"))
    assert not stems["vocals"].any() and not stems["bass"].any()
    assert stems["drums"].any() and stems["other"].any()
    score, _ = song(1, 2.0)
    empty = desk.mix(np.random.default_rng(0), score, {})
    assert all(not empty[stem].any() for stem in STEMS)


def test_parts_are_left_as_they_are():
    score, parts = song(2, 2.0)
    before = [part.sound.copy() for stem in STEMS for part in parts[stem]]
    desk.mix(np.random.default_rng(2), score, parts)
    after = [part.sound for stem in STEMS for part in parts[stem]]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_same_bits_whatever_was_mixed_before():
    first = mixed(5, 2.0)
    mixed(6, 1.5)
    again, other = mixed(5, 2.0), mixed(7, 2.0)
    for stem in STEMS:
        assert np.array_equal(first[stem], again[stem])
        assert not np.array_equal(first[stem], other[stem])


def test_energies_have_the_proportions_of_musdb18(monkeypatch):
    monkeypatch.setattr(mixer, "_CODED", 0.0)
    energies = {stem: [] for stem in STEMS}
    for index in range(8):
        for stem, sound in mixed(index, 2.0).items():
            mono = resample(downmix(sound)[:, None], RATE, 10880)[:, 0]
            energies[stem].append(float(dsp.energy(mono)))
    playing = {s: np.array(e)[np.array(e) > 0] for s, e in energies.items()}
    middle = {s: 10 * np.log10(e).mean() for s, e in playing.items()}
    wanted = {s: 10 * np.log10(e) for s, e in levels.ENERGIES.items()}
    difference = {s: middle[s] - wanted[s] for s in STEMS}
    offset = np.mean(list(difference.values()))
    assert all(abs(d - offset) < 3 for d in difference.values()), difference
    for energy in playing.values():  # songs differ
        assert 2 < np.std(10 * np.log10(energy)) < 8


def noisy_stems(rng, level):
    return {s: rng.normal(0, level, (RATE, 2)).astype(np.float32) for s in STEMS}


def test_master_lays_one_gain_on_all_stems(rng, monkeypatch):
    monkeypatch.setattr(master, "_filters", lambda rng, sound: [])
    sound, stems = era.draw_sound(rng, "rock"), noisy_stems(rng, 0.5)
    finished = master.master(rng, stems, sound)
    gains = np.median([finished[s] / stems[s] for s in STEMS], axis=(0, 2))
    assert gains.min() > 0 and gains.max() > 1.5 * gains.min()
    for stem in STEMS:
        assert np.allclose(finished[stem], stems[stem] * gains[:, None], rtol=1e-4)
    assert np.abs(sum(finished.values())).max() <= 0.98


def test_filters_of_the_master_are_the_same_for_all_stems(rng):
    sound = era.Sound(**{**vars(era.draw_sound(rng, "pop")), "top_hz": 3000.0})
    stems = noisy_stems(rng, 0.01)
    finished = master.master(np.random.default_rng(1), stems, sound)

    def response(stem):
        cross = [scipy.signal.csd(stems[stem][:, 0], x[:, 0], RATE) for x in pair]
        return np.abs(cross[1][1] / cross[0][1])

    curves = []
    for stem in STEMS:
        pair = (stems[stem], finished[stem])
        curves.append(response(stem))
    hz = scipy.signal.csd(stems["bass"][:, 0], stems["bass"][:, 0], RATE)[0]
    for curve in curves:
        assert curve[hz > 15000].mean() < 0.2 * curve[(hz > 300) & (hz < 2000)].mean()
        assert np.allclose(curve, curves[0], rtol=0.05, atol=0.02 * curves[0].max())
    silent = {s: np.zeros_like(x) for s, x in stems.items()}
    assert not any(x.any() for x in master.master(rng, silent, sound).values())


def test_limiter_keeps_every_peak_under_the_ceiling(rng):
    sound = (rng.standard_normal((30011, 2)) * 0.2).astype(np.float32)
    sound[0] = sound[-1] = 3.0
    sound[12345, 1] = -4.0
    gains = dynamics.limiting(dynamics.peaks(sound), ceiling=0.9)
    limited = dynamics.shaped(sound, gains)
    assert np.abs(limited).max() <= 0.9 * (1 + 1e-5)
    assert np.abs(limited[12345, 1]) > 0.8  # no more than needed
    quiet = slice(8000, 9000)
    assert np.allclose(limited[quiet], sound[quiet], rtol=1e-5)
    assert np.all(np.diff(dynamics.curve(gains, len(sound))[12000:12345]) <= 1e-6)


def test_peaks_see_every_sample(rng):
    sound = rng.standard_normal((1000, 2)).astype(np.float32)
    peaks = dynamics.peaks(sound)
    for k in range(len(peaks)):
        assert peaks[k] == np.abs(sound[32 * k : 32 * k + 32]).max()
    assert np.array_equal(dynamics.peaks(np.asfortranarray(sound)), peaks)
    assert dynamics.peaks(sound[:, 0])[-1] == np.abs(sound[992:, 0]).max()


@pytest.mark.parametrize("codec", ["mp3", "aac", "ogg"])
@pytest.mark.parametrize("kbit_s", [96, 256])
def test_coded_sound_is_aligned(codec, kbit_s, rng):
    noise = rng.standard_normal((3 * RATE // 2 + 77, 2)) * 0.1
    b, a = scipy.signal.butter(2, [300, 6000], "bandpass", fs=RATE)
    sound = scipy.signal.lfilter(b, a, noise, axis=0).astype(np.float32)
    heard = coding.coded(sound, codec, kbit_s)
    assert heard.shape == sound.shape and heard.dtype == np.float32
    assert not np.array_equal(heard, sound)
    for channel in range(2):
        match = scipy.signal.correlate(heard[:, channel], sound[:, channel])
        assert match.argmax() == len(sound) - 1
    error = np.sum((heard - sound) ** 2) / np.sum(sound**2)
    assert error < (0.4 if kbit_s == 96 else 0.1)
    assert np.array_equal(coding.coded(sound, codec, kbit_s), heard)


def test_reverberation_is_the_convolution_and_comes_after_its_delay(rng):
    send = np.zeros(3 * RATE, np.float32)
    send[1000] = 1
    send[2 * RATE] = -0.5
    room = space.response(rng, 0.7)
    assert np.allclose((room**2).sum(axis=0), 1, rtol=1e-3)
    heard = space.convolved(send, room, 300)
    n = len(room)
    assert np.allclose(heard[1300 : 1300 + n], room, atol=1e-5)
    assert np.allclose(heard[2 * RATE + 300 :][:n], -0.5 * room, atol=1e-5)
    assert np.abs(heard[:1300]).max() < 1e-6
    tail_db = 10 * np.log10((room[n // 2 :] ** 2).sum() / (room**2).sum())
    assert tail_db < -15


@pytest.mark.parametrize("ping_pong", [False, True])
def test_echoes_come_in_time_and_die_away(ping_pong):
    send = np.zeros(2 * RATE, np.float32)
    send[:200] = np.hanning(200)
    heard = space.Echo(0.25, 0.5, 8000.0, ping_pong)(send)
    for k in range(1, 5):
        start = round(0.25 * k * RATE)
        left, right = np.abs(heard[start : start + 300]).max(axis=0)
        loud, still = (left, right) if k % 2 else (right, left)
        if ping_pong:
            assert still < 0.2 * loud
        else:
            assert left == right
        assert 0.3 < loud / 0.5 ** (k - 1) < 1.2


def test_pan_keeps_power_and_width_zero_is_mono(rng):
    sound = rng.standard_normal((500, 2)).astype(np.float32)
    for place in (-1.0, -0.3, 0.0, 0.8):
        left, right = stereo.placed(sound[:, 0], place).T
        power = (left**2 + right**2).sum() / (sound[:, 0] ** 2).sum()
        assert power == pytest.approx(2, rel=1e-4)
    assert np.allclose(stereo.placed(sound, 0.0), sound, rtol=1e-5)
    assert stereo.is_mono(stereo.widened(sound, 0.0))
    wide = stereo.widened(sound, 1.5)
    assert np.allclose(stereo.mid(wide), stereo.mid(sound), atol=1e-6)


def test_a_strip_leaves_time_alone(rng):
    for role in ("lead", "kit", "bass", "pad"):
        dry = np.zeros((RATE, 2), np.float32)
        dry[20000:24000] = 0.5 * rng.standard_normal((4000, 2))
        played = strip.play(rng, Part(role, dry), era.draw_sound(rng, "pop"))
        assert 20000 - 32 <= played.start <= 20000
        assert len(played.sound) <= 4000 + RATE // 10 + 64
        inside = (played.sound[:4100] ** 2).sum() / (played.sound**2).sum()
        assert inside > 0.8


def test_every_era_can_be_drawn_and_styles_have_theirs(rng):
    drawn = {era.draw_sound(rng, "rock").era for _ in range(300)}
    assert drawn == set(era.ERAS)
    drawn = {era.draw_sound(rng, "electronic").era for _ in range(200)}
    assert "sixties" not in drawn and "loud" in drawn
