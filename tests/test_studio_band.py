"""The band: on the grid, in the chords, in its pool, the same bits every time."""

from dataclasses import replace

import numpy as np
import pytest

from keras_munet.errors import DataError
from keras_munet.studio import band
from keras_munet.studio.band import (
    bass,
    chords,
    drums,
    fluid,
    other,
    sounds,
)
from keras_munet.studio.band.beats import draw_beat
from keras_munet.studio.band.ensembles import (
    ENSEMBLES,
    PLAYERS,
    SOLO_STYLES,
    SOLOISTS,
    names,
)
from keras_munet.studio.band.grooves import GROOVES
from keras_munet.studio.band.notes import Note
from keras_munet.studio.score import RATE, STYLES, Section, draw_score

_MISSING = sorted({need.package for need in sounds.missing()})
pytestmark = pytest.mark.skipif(
    bool(_MISSING), reason=f"apt-get install {' '.join(_MISSING)}"
)
pytest.importorskip("fluidsynth", reason="pip install 'keras-munet[studio]'")


def score_of(style, seconds=6, seed=0, **changes):
    """A song of a style, straight and at a middle tempo."""
    drawn = draw_score(np.random.default_rng(seed), seconds)
    n_bars = max(1, int(np.ceil(seconds / 2)))
    sections = (Section("chorus", 0, n_bars, 0.9, False),)
    degrees = tuple((0, 4, 5, 3)[bar % 4] for bar in range(n_bars))
    fixed = dict(style=style, beat_s=0.5, swing=0.0, degrees=degrees, sections=sections)
    return replace(drawn, **(fixed | changes))


def flat(parts):
    return [part for stem in ("drums", "bass", "other") for part in parts[stem]]


def render(seed, score, pool):
    return flat(band.render(np.random.default_rng(seed), score, pool))


@pytest.mark.parametrize("pool", ["train", "test"])
def test_same_seed_same_bits_whatever_was_played_before(pool):
    score = score_of("rock", 3)
    first = render(1, score, pool)
    render(2, score_of("electronic", 2), "train")
    render(3, score_of("jazz", 2), "test")
    again, reseeded = render(1, score, pool), render(4, score, pool)
    assert len(first) == len(again) > 0
    for one, two in zip(first, again, strict=True):
        assert (one.role, one.level_db, one.pan) == (two.role, two.level_db, two.pan)
        assert np.array_equal(one.sound, two.sound)
    assert not any(
        np.array_equal(one.sound, two.sound)
        for one, two in zip(first, reseeded, strict=False)
    )


@pytest.mark.parametrize("style", STYLES)
def test_every_style_gives_parts_of_the_agreed_form(style):
    score = score_of(style, 2)
    roles = {
        "drums": {"kit", "percussion", "machine"},
        "bass": {"bass"},
        "other": {"chords", "melody", "pad", "guitar", "solo", "fx"},
    }
    pool = "train" if STYLES.index(style) % 3 == 0 else "test"
    parts = band.render(np.random.default_rng(5), score, pool)
    assert set(parts) == set(roles)
    assert flat(parts)
    for stem, players in parts.items():
        for part in players:
            assert part.role in roles[stem]
            assert part.sound.shape == (score.n_samples, 2)
            assert part.sound.dtype == np.float32
            assert np.isfinite(part.sound).all()
            assert 1e-3 < np.abs(part.sound).max() <= 1.001
            assert -1 <= part.pan <= 1


def test_pools_share_no_file_and_all_files_exist():
    train, test = sounds.files("train"), sounds.files("test")
    assert not train & test
    assert len(train) > 50
    for path in train | test:
        assert sounds.Path(path).is_file(), path


def test_no_sound_of_the_training_pool_has_conditions():
    allowed = ("FluidR3", "MuseScore", "/sonic-pi/")
    for path in sounds.files("train"):
        assert any(name in path for name in allowed), path
        assert "amen" not in path


def test_missing_soundfont_is_named_with_its_package(monkeypatch):
    assert sounds.missing() == ()
    gone = sounds.Need("/nowhere/a.sf2", "some-soundfont")
    monkeypatch.setattr(sounds, "NEEDS", (*sounds.NEEDS, gone))
    assert sounds.missing() == (gone,)


def test_unknown_preset_is_an_error():
    font = sounds.SOUNDFONTS["test"][0]
    with pytest.raises(DataError, match="program=3"):
        fluid.play(fluid.Preset(font.path, 77, 3), [Note(0, 1, 60, 0.5)], RATE)
    with pytest.raises(DataError, match=r"gone\.sf2.*fluid-soundfont-gm"):
        fluid.play(fluid.Preset("/gone.sf2", 0, 0), [Note(0, 1, 60, 0.5)], RATE)


@pytest.mark.parametrize("pool", ["train", "test"])
def test_a_note_has_its_pitch_and_bends_move_it(pool):
    font = sounds.SOUNDFONTS[pool][0]
    preset = fluid.Preset(font.path, 0, 73)
    for bend in (0.0, 7.0):
        notes = [Note(0.0, 1.0, 69, 0.8)]
        sound = fluid.play(preset, notes, RATE, bends=[(0.0, bend)])
        power = np.abs(np.fft.rfft(sound[RATE // 4 :].sum(axis=1))) ** 2
        hz = np.fft.rfftfreq(RATE - RATE // 4, 1 / RATE)
        near = hz[np.argmax(power)] / (440 * 2 ** (bend / 12))
        octaves = np.log2(near)
        assert abs(octaves - round(octaves)) < 0.02


def test_a_note_begins_when_it_should():
    font = sounds.SOUNDFONTS["train"][0]
    sound = fluid.play(fluid.Preset(font.path, 0, 0), [Note(0.5, 0.3, 72, 0.9)], RATE)
    level = np.abs(sound).max(axis=1)
    onset = np.argmax(level > 0.1 * level.max()) / RATE
    assert 0.5 <= onset < 0.52


@pytest.mark.parametrize("style", ["rock", "pop", "electronic", "funk"])
def test_drum_hits_fall_on_the_grid(style):
    score = score_of(style, 12)
    strokes = draw_beat(np.random.default_rng(0), score, machine=False)
    grid = score.beat_s / 4
    assert len(strokes) > 50
    off = [abs(s.time_s / grid - round(s.time_s / grid)) * grid for s in strokes]
    assert max(off) <= 0.04


def onsets(sound):
    """Times when the level rises above that of the 35 ms before, in seconds."""
    hop, before = 256, 6
    n = len(sound) // hop * hop
    level = np.abs(sound[:n].sum(axis=1)).reshape(-1, hop).max(axis=1)
    past = np.lib.stride_tricks.sliding_window_view(level, before).max(axis=1)
    now = level[before:]
    peaks = (now > 4 * past[:-1]) & (now > 0.2 * level.max())
    return (np.flatnonzero(peaks) + before) * hop / RATE


def test_heard_onsets_fall_on_the_grid():
    score = score_of("rock", 8)
    heard = []
    for seed in range(4):
        for part in drums.render(np.random.default_rng(seed), score, "test"):
            heard += onsets(part.sound).tolist()
    grid = score.beat_s / 4
    off = np.abs(np.array(heard) / grid - np.round(np.array(heard) / grid)) * grid
    assert len(off) > 30
    assert np.mean(off < 0.04) > 0.97


def test_bass_lies_below_300_hz():
    shares = []
    for seed, style in enumerate(STYLES):
        score = score_of(style, 4, seed=seed)
        for part in bass.render(np.random.default_rng(seed), score, "train"):
            power = np.abs(np.fft.rfft(part.sound.mean(axis=1))) ** 2
            hz = np.fft.rfftfreq(len(part.sound), 1 / RATE)
            shares.append(power[hz < 300].sum() / power.sum())
    assert len(shares) > 8
    assert np.mean(shares) > 0.8
    assert min(shares) > 0.5


def classes(sound):
    """Energy per pitch class between 100 and 2000 Hz, `(12,)`."""
    power = np.abs(np.fft.rfft(sound.mean(axis=1) * np.hanning(len(sound)))) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / RATE)
    kept = (hz > 100) & (hz < 2000)
    pitch = np.round(69 + 12 * np.log2(hz[kept] / 440)).astype(int) % 12
    return np.bincount(pitch, power[kept], minlength=12)


@pytest.mark.parametrize(
    "name", ["piano", "organ", "steel", "strings", "synth", "epiano"]
)
def test_chords_agree_with_the_score(name):
    score = score_of("pop", 8, seed=3)
    rng = np.random.default_rng(6)
    (part,) = other._accompany(rng, score, "train", name, list(range(4)))
    bar = int(4 * score.beat_s * RATE)
    for number in range(4):
        energy = classes(part.sound[number * bar + bar // 16 : (number + 1) * bar])
        wanted = {pitch % 12 for pitch in score.chord(number, 4)}
        inside = sum(energy[pitch] for pitch in wanted) / energy.sum()
        assert inside > 0.7, (number, inside)


def test_notes_stay_in_the_key():
    score = score_of("folk", 16, seed=1)
    key = {(score.tonic + step) % 12 for step in score.scale}
    rng, bars = np.random.default_rng(0), list(range(8))
    notes = [
        *chords.comp(rng, score, bars, low=55),
        *chords.strum(rng, score, bars),
        *chords.arpeggio(rng, score, bars, low=60, every=2),
    ]
    assert len(notes) > 100
    assert {note.pitch % 12 for note in notes} <= key


def test_breaks_are_thinner_than_choruses():
    sections = (Section("chorus", 0, 2, 0.95, True), Section("break", 2, 2, 0.25, True))
    counts = {"chorus": 0, "break": 0}
    for seed, style in enumerate(
        ["rock", "pop", "soul", "electronic", "latin", "country"]
    ):
        score = score_of(style, 8, sections=sections)
        for part in render(seed, score, "test"):
            loud = np.abs(part.sound).max(axis=1) > 0.02
            counts["chorus"] += loud[: 4 * RATE].mean() > 0.1
            counts["break"] += loud[5 * RATE :].mean() > 0.1
    assert counts["break"] < 0.7 * counts["chorus"]


def test_unsung_sections_have_solos():
    score = score_of("jazz", 4)
    n = 12
    rolled = [
        {part.role for part in other._solos(np.random.default_rng(k), score, "test")}
        for k in range(n)
    ]
    assert sum("solo" in roles for roles in rolled) > 0.6 * n
    assert not any("melody" in roles for roles in rolled)


def test_tables_know_every_style_and_name_only_players_that_exist():
    for table in (GROOVES, ENSEMBLES, SOLO_STYLES, chords.RHYTHMS):
        assert set(table) == set(STYLES)
    for style in STYLES:
        assert set(names(ENSEMBLES[style])) <= set(PLAYERS)
        assert set(names(SOLO_STYLES[style])) <= set(SOLOISTS)
        for groove in GROOVES[style]:
            assert {len(steps) for steps in groove.values()} == {16}
