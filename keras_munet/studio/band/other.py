"""The stem of other instruments: accompaniment, solos, answers and effects."""

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.studio.band import (
    bass,
    chords,
    fluid,
    fx,
    guitar,
    levels,
    melodies,
    sounds,
    synth,
)
from keras_munet.studio.band.ensembles import (
    ENSEMBLES,
    PLAYERS,
    SOLO_STYLES,
    SOLOISTS,
    Player,
    Program,
    Soloist,
    names,
)
from keras_munet.studio.band.notes import Note, expressive, humanised, swells
from keras_munet.studio.score import Part, Pool, Score

_SOLO_CHANCE, _ANSWER_CHANCE, _DUO_CHANCE = 0.9, 0.4, 0.2
_QUIETER = 0.55  # share by which the quietest sections are turned down
_EFFECTS = {"electronic": 0.6, "hip-hop": 0.4, "pop": 0.3, "ambient": 0.4}
_FEW_EFFECTS = 0.04
_ALONE = {"ballad": 0.15, "folk": 0.2, "jazz": 0.04, "ambient": 0.1, "soul": 0.03}
_PUMPED_ROLES = ("pad", "chords")


def preset(
    rng: np.random.Generator, pool: Pool, programs: tuple[Program, ...]
) -> fluid.Preset:
    """Draws an instrument that some soundfont of the pool has."""
    font = sounds.SOUNDFONTS[pool][rng.integers(len(sounds.SOUNDFONTS[pool]))]
    bank, program = programs[rng.integers(len(programs))]
    return fluid.Preset(font.path, bank if font.has_variations else 0, program)


def _bars(
    rng: np.random.Generator, score: Score, threshold: float, *, rests: bool
) -> list[int]:
    """Bars of the sections that are full enough for a player to join in."""
    bars: list[int] = []
    for section in score.sections:
        mood = section.intensity + rng.normal(0, 0.08)
        tacet = section.kind == "break" and rests and rng.random() < 0.6
        if mood > threshold and not tacet:
            bars += range(section.first_bar, section.first_bar + section.n_bars)
    return bars


def _notes(
    rng: np.random.Generator, score: Score, player: Player, bars: list[int], low: int
) -> list[Note]:
    if player.plays == "comp":
        return chords.comp(rng, score, bars, low=low)
    if player.plays == "held":
        return chords.held(rng, score, bars, low=low)
    if player.plays == "strum":
        return chords.strum(rng, score, bars, low=low)
    if player.plays == "chop":
        return chords.chop(rng, score, bars, low=low)
    if player.plays == "riff":
        return melodies.riff(rng, score, bars, low=low)
    every = int(rng.choice([1, 2, 2, 2, 4])) if score.beat_s > 0.45 else 2
    return chords.arpeggio(rng, score, bars, low=low, every=every)


def _amplified(
    rng: np.random.Generator, sound: FloatArray, gain_db: tuple[float, float] | None
) -> FloatArray:
    if gain_db is None or not sound.any():
        return sound
    return guitar.amplify(rng, sound, float(rng.uniform(*gain_db)))


def _power(
    rng: np.random.Generator, score: Score, pool: Pool, player: Player, bars: list[int]
) -> list[Part]:
    """Distorted guitars, recorded once or twice: one on each side."""
    ringing, muted = chords.power(rng, score, bars)
    font_preset = preset(rng, pool, player.programs)
    mute = font_preset._replace(bank=0, program=28)
    gain_db = float(rng.uniform(*(player.gain_db or (28.0, 46.0))))
    sides = (-0.85, 0.85) if rng.random() < 0.6 else (float(rng.uniform(-0.5, 0.5)),)
    parts = []
    for side in sides:
        sound = np.zeros((score.n_samples, 2), np.float32)
        for notes, instrument in ((ringing, font_preset), (muted, mute)):
            played = humanised(rng, notes, timing_s=0.006, spread=0.08)
            sound += fluid.play(instrument, played, score.n_samples)
        if sound.any():
            sound = levels.even(guitar.amplify(rng, sound, gain_db))
            parts.append(Part("guitar", sound, player.level_db - 1, side))
    return parts


def _accompany(
    rng: np.random.Generator, score: Score, pool: Pool, name: str, bars: list[int]
) -> list[Part]:
    """One accompanying player's parts."""
    player = PLAYERS[name]
    if player.plays == "power":
        return _power(rng, score, pool, player, bars)
    low = int(rng.integers(player.low[0], player.low[1] + 1))
    notes = _notes(rng, score, player, bars, low)
    if not notes:
        return []
    if player.programs:
        hand = 0.002 if score.style == "electronic" else 0.006
        notes = humanised(rng, notes, timing_s=hand, spread=0.08)
        instrument = preset(rng, pool, player.programs)
        sound = fluid.play(instrument, notes, score.n_samples)
        sound = _amplified(rng, sound, player.gain_db)
    else:
        sound = synth.stereo(synth.draw_pluck(rng).play(notes, score.n_samples))
    if not sound.any():
        return []
    level_db = player.level_db + float(rng.normal(0, 2))
    width = 0.8 if player.role == "guitar" else 0.35
    pan = float(rng.uniform(-width, width))
    return [Part(player.role, levels.even(sound), level_db, pan)]


def solo_sound(
    rng: np.random.Generator,
    score: Score,
    pool: Pool,
    soloist: Soloist,
    notes: list[Note],
) -> FloatArray:
    """Lets a soloist play notes, with all that makes them alive."""
    if not soloist.programs:
        line = synth.draw_lead(rng).play(notes, score.n_samples)
        return synth.stereo(line)
    notes = humanised(rng, notes, timing_s=0.008, spread=0.1)
    notes = sorted(notes)
    depth = float(rng.uniform(0.3, 1.0)) * soloist.vibrato
    bends = expressive(
        rng, notes, depth=depth, scoop=soloist.scoop, glide=soloist.glide
    )
    swell = swells(rng, notes, rng.uniform(0.45, 0.8)) if soloist.breath else None
    sound = fluid.play(
        preset(rng, pool, soloist.programs),
        notes,
        score.n_samples,
        bends=bends,
        swells=swell,
    )
    return _amplified(rng, sound, soloist.gain_db)


def _solo(
    rng: np.random.Generator,
    score: Score,
    pool: Pool,
    bars: list[int],
    *,
    is_answer: bool,
) -> list[Part]:
    """A solo where nobody sings, or a softer melody beside the singer."""
    choices = names(SOLO_STYLES[score.style])
    soloist = SOLOISTS[choices[rng.integers(len(choices))]]
    density = "slow" if is_answer else str(rng.choice(["slow", "song", "song", "fast"]))
    notes = melodies.melody(
        rng,
        score,
        bars,
        low=soloist.low,
        high=soloist.high,
        density=density,
        legato=float(rng.choice([0.7, 0.95, 1.02])),
        rest=0.35 if is_answer else 0.08,
    )
    if not notes:
        return []
    sound = solo_sound(rng, score, pool, soloist, notes)
    if not sound.any():
        return []
    level_db = float(rng.normal(-7, 2) if is_answer else rng.normal(1, 2))
    role = "melody" if is_answer else "solo"
    pan = float(rng.uniform(-0.6, 0.6) if is_answer else rng.uniform(-0.25, 0.25))
    return [Part(role, levels.even(sound), level_db, pan)]


def _section_bars(score: Score, sung: bool) -> list[int]:
    """Bars of sections with or without a lead voice; breaks stay empty."""
    return [
        bar
        for s in score.sections
        if s.is_sung == sung and s.kind != "break"
        for bar in range(s.first_bar, s.first_bar + s.n_bars)
    ]


def _solos(rng: np.random.Generator, score: Score, pool: Pool) -> list[Part]:
    parts: list[Part] = []
    free = _section_bars(score, sung=False)
    if free and rng.random() < _SOLO_CHANCE:
        parts += _solo(rng, score, pool, free, is_answer=False)
        if rng.random() < _DUO_CHANCE:
            parts += _solo(rng, score, pool, free, is_answer=False)
    sung = _section_bars(score, sung=True)
    if sung and rng.random() < _ANSWER_CHANCE:
        parts += _solo(rng, score, pool, sung, is_answer=True)
    return parts


def render(
    rng: np.random.Generator, score: Score, pool: Pool, *, alone: bool = False
) -> list[Part]:
    """Plays the other instruments.

    Args:
        rng: draws players and what they play.
        score: the song.
        pool: whose sounds may be used.
        alone: one piano, guitar or organ plays the whole song.

    Returns:
        One part per player, up to two for double-tracked guitars.
    """
    if alone:
        choices = ["piano", "piano", "piano", "nylon", "steel", "epiano", "picked"]
        name = choices[rng.integers(len(choices))]
        return _accompany(rng, score, pool, name, list(range(score.n_bars)))
    n_players = int(rng.choice([1, 2, 2, 3, 3, 3, 4]))
    pump = bass.pump(rng, score)
    parts: list[Part] = []
    picked = list(
        dict.fromkeys(rng.permutation(names(ENSEMBLES[score.style])).tolist())
    )
    for number, name in enumerate(picked[:n_players]):
        threshold = rng.uniform(0.0, 0.3) if number == 0 else rng.uniform(0.3, 0.8)
        bars = _bars(rng, score, threshold, rests=number > 0)
        for part in _accompany(rng, score, pool, name, bars):
            if pump is not None and part.role in _PUMPED_ROLES:
                part.sound[:] *= pump
            parts.append(part)
    parts += _solos(rng, score, pool)
    if rng.random() < _EFFECTS.get(score.style, _FEW_EFFECTS):
        sound = levels.even(fx.render(rng, score, pool))
        parts.append(Part("fx", sound, float(rng.uniform(-16, -6))))
    for part in parts:
        levels.follow(part.sound, score, _QUIETER)
    return [part for part in parts if part.sound.any()]


def draw_alone(rng: np.random.Generator, score: Score) -> bool:
    """Draws whether a song is accompanied by one instrument only."""
    return bool(rng.random() < _ALONE.get(score.style, 0.0))
