"""Singers: in tune, on time, silent where nobody sings, nobody in both pools."""

import importlib.util
import itertools

import numpy as np
import pytest

from keras_munet.errors import DataError
from keras_munet.studio.needs import is_there
from keras_munet.studio.score import RATE, Score, Section, draw_score
from keras_munet.studio.singers import (
    layers,
    lyrics,
    melody,
    plan,
    render,
    source,
    speech,
    vocoder,
)
from keras_munet.studio.singers.analysis import FRAME_S, Voiceprint, _pyworld
from keras_munet.studio.singers.character import Character, delivered
from keras_munet.studio.singers.melody import Note
from keras_munet.studio.singers.perform import sing
from keras_munet.studio.singers.pitch import Manner
from keras_munet.studio.singers.sounds import NEEDS, SINGERS, roster
from keras_munet.studio.singers.timing import syllable_times, warp

_MISSING = sorted(
    {need.package for need in NEEDS if not is_there(need)}
    | ({"pyworld (pip)"} if importlib.util.find_spec("pyworld") is None else set())
)
installed = pytest.mark.skipif(
    bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)}"
)

DEGREES = (0, 4, 5, 3)


def song(sung=(True,), *, n_bars=2, style="folk", kind="verse"):
    sections = tuple(
        Section(kind, k * n_bars, n_bars, 0.7, is_sung)
        for k, is_sung in enumerate(sung)
    )
    bars = n_bars * len(sung)
    return Score(
        style=style,
        n_samples=round(bars * 2.4 * RATE),
        beat_s=0.6,
        swing=0.0,
        tonic=50,
        scale=(0, 2, 4, 5, 7, 9, 11),
        degrees=tuple(DEGREES[bar % 4] for bar in range(bars)),
        sections=sections,
    )


def singer(name):
    return next(s for s in SINGERS if s.name == name)


def spoken():
    """A phrase of two vowels with a consonant between them, as frames."""
    n, bins = 100, vocoder.N_FFT // 2 + 1
    nuclei = np.array([[20.0, 40.0], [56.0, 80.0]])
    return Voiceprint(
        envelope=np.zeros((n, bins), np.float32),
        aperiodicity=np.zeros((n, bins), np.float32),
        f0=np.full(n, 120.0),
        voiced=np.ones(n, np.float32),
        nuclei=nuclei,
        ends=(10.0, 95.0),
    )


def plain_voice():
    colour = np.zeros(vocoder.N_FFT // 2 + 1, np.float32)
    return Character(1.0, 0.0, colour, breath=0.1, effort=0.5)


def test_pools_share_no_speaker():
    assert len({s.name for s in SINGERS}) == len(SINGERS)
    train, test = ({s.speaker for s in roster(pool)} for pool in ("train", "test"))
    assert not train & test
    assert not {s.voice for s in roster("train")} & {s.voice for s in roster("test")}
    assert 3 <= len(test) <= 5 and len(train) > 15
    for s in SINGERS:
        assert 0.8 <= s.shift[0] <= s.shift[1] <= 1.25
        assert 12 <= s.highest - s.lowest <= 26
        assert s.language in lyrics.WORDS


def test_consonants_keep_their_length_when_notes_are_doubled():
    lengths = []
    for beat in (0.5, 1.0):
        notes = [Note(0.0, beat, 60, 0, 0.5), Note(beat, 2 * beat, 62, 1, 0.5)]
        sung, frames = warp(spoken(), syllable_times(notes))
        assert np.all(np.diff(sung) > 0) and np.all(np.diff(frames) >= 0)
        # A vowel begins with its note; the consonants before it end there.
        assert np.interp(20, frames, sung) == pytest.approx(0.0)
        assert np.interp(56, frames, sung) == pytest.approx(beat)
        onset, between = np.interp([10, 40], frames, sung)
        lengths.append((0.0 - onset, beat - between))
    assert lengths[0] == pytest.approx(lengths[1])
    assert lengths[0] == pytest.approx((10 * FRAME_S, 16 * FRAME_S))


def test_consonants_give_in_where_the_note_is_too_short():
    notes = [Note(0.0, 0.1, 60, 0, 0.5), Note(0.1, 0.6, 62, 1, 0.5)]
    sung, frames = warp(spoken(), syllable_times(notes))
    assert np.all(np.diff(sung) > 0)
    assert 0.03 < np.interp(40, frames, sung) < 0.06


@pytest.mark.parametrize("seed", range(4))
def test_melodies_stay_in_the_key_the_range_and_their_slot(seed):
    score = draw_score(np.random.default_rng(seed), 40)
    tones = {(score.tonic + s) % 12 for s in score.scale}
    contour = melody.Contour(score, 50, 66)
    rng = np.random.default_rng(seed)
    for slot in melody.draw_slots(rng, score, rap=False):
        notes = melody.draw_notes(score, slot, slot.n_syllables, contour, seed=[seed])
        begin, end = (score.step_s(slot.bar, 0), slot.bar + 2)
        assert begin - 1e-6 <= notes[0].start_s
        assert notes[-1].end_s <= score.step_s(end, 0) + 1e-6
        for note, following in itertools.pairwise(notes):
            assert note.start_s < note.end_s <= following.start_s + 1e-6
        assert {round(n.pitch) % 12 for n in notes} <= tones
        assert all(50 <= n.pitch <= 66 for n in notes)
        for steps in (-5, -2, 2, 5):
            for note, other in zip(
                notes, layers.harmonised(score, notes, steps), strict=True
            ):
                assert round(other.pitch) % 12 in tones
                assert (other.pitch - note.pitch) * steps > 0
        assert all(score.section(slot.bar).is_sung for _ in notes)


def test_choruses_repeat_their_rhythm():
    score = song(n_bars=4, kind="chorus")
    contour = melody.Contour(score, 50, 66)
    first, again = (melody.Slot(bar, 0, 28, 9, ("chorus", 0), 0.9, 3) for bar in (0, 2))
    one, two = (
        melody.draw_notes(score, slot, 9, contour, seed=[1]) for slot in (first, again)
    )
    shift = two[0].start_s - one[0].start_s
    assert [n.start_s + shift for n in one] == pytest.approx([n.start_s for n in two])


def test_a_filter_of_ones_returns_what_went_in():
    sound = np.random.default_rng(0).standard_normal(40 * vocoder.HOP, np.float32)
    ones = np.ones((40, vocoder.N_FFT // 2 + 1), np.float32)
    inside = slice(2 * vocoder.HOP, -2 * vocoder.HOP)
    out = vocoder.shape([sound], [ones])
    assert np.allclose(out[inside], sound[inside], atol=1e-5)
    halves = vocoder.shape([sound, sound], [ones * 0.5, ones * 0.5])
    assert np.allclose(halves, out, atol=1e-5)


def test_pulses_have_all_partials_alike_and_unit_power():
    f0 = np.full(RATE, 441.0)
    train = source.pulses(np.random.default_rng(0), f0, jitter=0, shimmer=0)
    assert np.mean(train**2) == pytest.approx(1, rel=0.1)
    inner = train[100 * 50 : 100 * 350]  # 300 periods: each partial fills one bin
    spectrum = np.abs(np.fft.rfft(inner)) / len(inner)
    partials = spectrum[300 : 20 * 300 : 300]
    assert len(partials) == 19
    assert partials.max() < 1.1 * partials.min()
    assert np.median(spectrum) < 1e-3 * partials.min()


def test_words_have_about_the_syllables_asked_for():
    rng = np.random.default_rng(0)
    for language in lyrics.WORDS:
        for n in (2, 5, 11):
            text = lyrics.sentence(rng, language, n)
            assert text.isascii() and text.replace(" ", "").isalpha()
            assert abs(lyrics.n_syllables(text) - n) <= 3


def test_a_whisper_has_no_pitch_and_a_growl_is_rough():
    rng = np.random.default_rng(0)
    assert delivered(rng, plain_voice(), "whisper").pulse == 0
    assert delivered(rng, plain_voice(), "growl").rough > 0.3


def test_a_missing_program_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, program, package in (
        ("slt alto", "flite", "flite"),
        ("en-GB soprano", "pico2wave", "libttspico-utils"),
        ("ked_diphone tenor", "festival", "festival"),
        ("en-us+f2", "espeak-ng", "espeak-ng"),
    ):
        with pytest.raises(DataError, match=f"{program}.*apt-get install {package}"):
            speech.speak(singer(name), ["moon"])


def test_a_failing_program_is_named(monkeypatch, tmp_path):
    program = tmp_path / "flite"
    program.write_text("#!/bin/sh\necho no voice >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(DataError, match=r"flite failed.*no voice"):
        speech.speak(singer("slt alto"), ["moon"])
    program.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(DataError, match="flite wrote no sound"):
        speech.speak(singer("slt alto"), ["moon"])


@installed
@pytest.mark.parametrize(
    "program",
    [
        "flite",
        "pico2wave",
        pytest.param("festival", marks=pytest.mark.slow),
        pytest.param("espeak-ng", marks=pytest.mark.slow),
    ],
)
def test_every_voice_says_syllables(program):
    voices = {s.voice: s for s in SINGERS if s.program == program}
    for s in voices.values():
        text = "river and moon" if s.language == "en" else "la mano sola"
        (print_,) = plan.voiceprints(s, [text])
        assert 3 <= len(print_.nuclei) <= 7, s.name
        starts = print_.nuclei[:, 0]
        assert np.all(np.diff(starts) > 0) and np.all(print_.nuclei[:, 1] > starts)
        middles = print_.nuclei.mean(axis=1).astype(int)
        assert print_.voiced[middles].mean() > 0.6, s.name


@installed
@pytest.mark.parametrize("name", ["slt alto", "rms baritone", "lp_diphone soprano"])
def test_the_voice_follows_its_notes(name):
    who = singer(name)
    (print_,) = plan.voiceprints(who, ["moon and river all alone"])
    base = who.lowest + 7
    pitches = [base, base + 4, base + 2, base + 7, base + 5, base][: len(print_.nuclei)]
    notes = [
        Note(0.5 * (k + 1), 0.5 * (k + 2), float(pitch), k, 0.6)
        for k, pitch in enumerate(pitches)
    ]
    manner = Manner(0.02, 0.5, 5.5, 0.3, 0.06)
    rng = np.random.default_rng(3)
    first, sound = sing(rng, print_, notes, plain_voice(), manner)
    world = _pyworld()
    f0, times = world.dio(sound.astype(np.float64), RATE, f0_floor=70, f0_ceil=900)
    times = times + first / RATE
    off = []
    for note in notes:
        held = (times > note.start_s + 0.12) & (times < note.end_s - 0.12) & (f0 > 0)
        off += list(12 * np.log2(f0[held] / 440) + 69 - note.pitch)
    assert len(off) > 20 * len(notes)
    assert np.mean(np.abs(off) < 0.5) > 0.8
    assert abs(np.median(off)) < 0.15


@installed
def test_a_seed_gives_the_same_bits_and_another_does_not():
    score = song((True, False), style="rock")
    first, again, other = (
        render(np.random.default_rng(seed), score, "train") for seed in (4, 4, 5)
    )
    assert [p.role for p in first] == [p.role for p in again] and first
    for one, two in zip(first, again, strict=True):
        assert np.array_equal(one.sound, two.sound)
        assert (one.level_db, one.pan) == (two.level_db, two.pan)
        assert one.sound.shape == (score.n_samples, 2)
        assert one.sound.dtype == np.float32
        assert 0.2 < np.abs(one.sound).max() <= 1
    assert not np.array_equal(first[0].sound, other[0].sound)


@installed
@pytest.mark.parametrize("pool", ["train", "test"])
def test_nobody_sings_where_the_score_says_so(pool, monkeypatch):
    monkeypatch.setattr(layers, "_INSTRUMENTAL", 0.0)
    score = song((False, True, False))
    third = score.n_samples // 3
    margin = int(0.7 * RATE)  # a breath and consonants before, an end after
    for seed in range(2 if pool == "train" else 1):
        parts = render(np.random.default_rng(seed), score, pool)
        lead = [part for part in parts if part.role == "lead"]
        assert lead
        for part in lead:
            assert not part.sound[: third - margin].any()
            assert not part.sound[2 * third + margin :].any()
            assert np.abs(part.sound[third : 2 * third]).max() > 0.2


@installed
def test_a_song_without_sung_sections_has_no_lead():
    parts = render(np.random.default_rng(1), song((False, False)), "train")
    assert parts == []


@installed
def test_harmonics_are_clear_up_to_5_khz_and_something_is_above_8_khz():
    who = singer("slt alto")
    (print_,) = plan.voiceprints(who, ["see a star so far"])
    notes = [Note(0.6 * k, 0.6 * k + 0.6, 62.0, k, 0.7) for k in range(4)]
    manner = Manner(0.02, 0.0, 5.5, 0.0, 0.0)
    _, sound = sing(np.random.default_rng(0), print_, notes, plain_voice(), manner)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / RATE)
    f0 = 440 * 2 ** ((62 - 69) / 12)
    place = np.abs(hz / f0 - np.round(hz / f0))
    band = (hz > 3000) & (hz < 5000)
    on, between = (spectrum[band & m].mean() for m in (place < 0.1, place > 0.3))
    assert on > 5 * between
    high, low = (
        spectrum[(hz > a) & (hz < b)].mean() for a, b in ((9e3, 12e3), (300, 3e3))
    )
    assert 1e-7 < high / low < 0.1
