"""The bass stem: a line, and the instrument that suits the style."""

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.music import tones
from keras_munet.studio.band import fluid, levels, sounds, synth
from keras_munet.studio.band.bass_lines import draw_line
from keras_munet.studio.band.notes import Curve, Note, humanised
from keras_munet.studio.score import RATE, Part, Pool, Score

_UPRIGHT, _FINGERED, _PICKED, _FRETLESS, _SLAP, _POP, _SYNTH_1, _SYNTH_2 = range(32, 40)
_OWN, _BOOM = -1, -2  # our synthesiser; the long kick of hip-hop, tuned

_INSTRUMENTS: dict[str, tuple[int, ...]] = {
    "ballad": (_FINGERED, _FINGERED, _FRETLESS, _PICKED, _UPRIGHT),
    "rock": (_PICKED, _FINGERED, _PICKED),
    "metal": (_PICKED, _PICKED, _FINGERED),
    "punk": (_PICKED,),
    "pop": (_FINGERED, _PICKED, _OWN, _SYNTH_1, _SYNTH_2, _OWN),
    "folk": (_UPRIGHT, _FINGERED, _FRETLESS),
    "country": (_FINGERED, _UPRIGHT, _PICKED),
    "funk": (_SLAP, _POP, _FINGERED, _OWN),
    "soul": (_FINGERED, _FINGERED, _OWN),
    "jazz": (_UPRIGHT, _UPRIGHT, _UPRIGHT, _FRETLESS, _FINGERED),
    "reggae": (_FINGERED, _FINGERED, _OWN),
    "latin": (_UPRIGHT, _FINGERED, _FRETLESS),
    "electronic": (_OWN, _OWN, _OWN, _SYNTH_1, _SYNTH_2),
    "hip-hop": (_BOOM, _BOOM, _OWN, _FINGERED, _UPRIGHT),
    "ambient": (_OWN, _FRETLESS, _UPRIGHT),
}
_SILENT = {"folk": 0.35, "ambient": 0.45, "ballad": 0.15}
_FEW_SILENT = 0.03
_PUMPED = {"electronic": 0.5, "pop": 0.15, "hip-hop": 0.1}


def pump(rng: np.random.Generator, score: Score) -> FloatArray | None:
    """Draws the gain of a side-chain that every beat pushes down; None for none.

    Returns:
        `(n_samples, 1)` from 0 to 1.
    """
    if rng.random() > _PUMPED.get(score.style, 0.0):
        return None
    t = np.arange(score.n_samples) / RATE
    since = np.mod(t, score.beat_s)
    depth, recovery_s = rng.uniform(0.4, 0.95), rng.uniform(0.25, 0.6) * score.beat_s
    gain = 1 - depth * np.exp(-((since / recovery_s) ** 2))
    fade = np.clip(since / 0.004, 0, 1)  # no click at the beat
    before = 1 - depth * np.exp(-((score.beat_s / recovery_s) ** 2))
    pushed: FloatArray = (fade * gain + (1 - fade) * before)[:, None]
    return pushed.astype(np.float32)


def _slides(rng: np.random.Generator, notes: list[Note], chance: float) -> Curve:
    """Some notes are slid into from below or above, on the same string."""
    curve: Curve = [(0.0, 0.0)]
    for note in notes:
        curve.append((note.start_s, 0.0))
        if rng.random() > chance or note.length_s < 0.15:
            continue
        start = float(rng.choice([-2, -1, -3, 2]))
        for t in np.arange(0, 0.1, 0.008):
            curve.append((note.start_s + float(t), start * float(np.exp(-t / 0.03))))
        curve.append((note.start_s + 0.11, 0.0))
    return curve


def _boom(rng: np.random.Generator, notes: list[Note], n_samples: int) -> FloatArray:
    """The 808: a sine that is hit, distorts a little, and glides at times."""
    line, drive = np.zeros(n_samples, np.float32), rng.uniform(0.8, 3.5)
    decay_s, before = rng.uniform(0.4, 1.6), None
    for note in notes:
        n = int((note.length_s + 0.05) * RATE)
        t = np.arange(n) / RATE
        bend = rng.uniform(4, 14) * np.exp(-t / 0.012)
        if before and rng.random() < 0.2:
            bend += (before.pitch - note.pitch) * np.exp(-t / 0.06)
        phase = tones.phases(tones.hertz(note.pitch) * 2 ** (bend / 12), n)
        wave = np.sin(2 * np.pi * phase).astype(np.float32) * note.loudness
        wave *= tones.decay(n, decay_s, 0.002) * tones.gate(n, 0.001, 0.03)
        tones.add(line, round(note.start_s * RATE), wave.astype(np.float32))
        before = note
    return tones.band(np.tanh(drive * line), 0.0, 2500.0)


def _sound(
    rng: np.random.Generator, score: Score, pool: Pool, notes: list[Note], program: int
) -> FloatArray:
    if program == _OWN:
        line = synth.draw_bass(rng).play(notes, score.n_samples)
        return synth.stereo(np.tanh(rng.uniform(0.5, 1.5) * line))
    if program == _BOOM:
        return synth.stereo(_boom(rng, notes, score.n_samples))
    font = sounds.SOUNDFONTS[pool][rng.integers(len(sounds.SOUNDFONTS[pool]))]
    preset = fluid.Preset(font.path, 0, program)
    notes = humanised(rng, notes, timing_s=0.004, spread=0.1)
    chance = 0.3 if program == _FRETLESS else 0.06
    bends = _slides(rng, sorted(notes), chance)
    return fluid.play(preset, notes, score.n_samples, bends=bends)


def render(rng: np.random.Generator, score: Score, pool: Pool) -> list[Part]:
    """Plays the bass of a song; an empty list where it has none."""
    if rng.random() < _SILENT.get(score.style, _FEW_SILENT):
        return []
    choices = _INSTRUMENTS[score.style]
    program = choices[rng.integers(len(choices))]
    threshold = rng.uniform(0.1, 0.45)
    bars = [
        bar
        for bar in range(score.n_bars)
        if score.section(bar).intensity > threshold
        and not (score.section(bar).kind == "break" and bar % 2 == 0)
    ]
    five_strings = score.style in ("metal", "hip-hop", "electronic")
    notes = draw_line(rng, score, bars, five_strings=five_strings)
    if not notes:
        return []
    sound = _sound(rng, score, pool, notes, program)
    gain = pump(rng, score)
    if gain is not None:
        sound *= gain
    darkness = float(np.exp(rng.uniform(np.log(900), np.log(6000))))
    sound = tones.band(sound, 0.0, darkness, order=1, axis=0)
    return [Part("bass", levels.even(np.ascontiguousarray(sound)))]
