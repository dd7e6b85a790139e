"""The drum stem: kit, percussion and sliced loops."""

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.studio.band import kits, levels, sounds
from keras_munet.studio.band.beats import Stroke, draw_beat, draw_percussion
from keras_munet.studio.band.grooves import KITS, MACHINES, SILENT
from keras_munet.studio.score import RATE, Part, Pool, Score

_CHOKED = ("hat", "pedal", "open")
_FADE = 600
_PLACES = {"hat": 0.25, "open": 0.25, "pedal": 0.2, "ride": -0.35, "bell": -0.35}
_PLACES |= {"crash": 0.4, "crash2": -0.45, "china": -0.5, "splash": 0.3}
_PLACES |= {"tom1": 0.3, "tom2": 0.0, "tom3": -0.35, "kick": 0.0, "snare": 0.05}
_PERCUSSION_CHANCE = {
    "jazz": 0.05,
    "metal": 0.03,
    "punk": 0.05,
    "latin": 0.8,
    "funk": 0.5,
    "pop": 0.4,
    "soul": 0.4,
}


def _placed(hit: FloatArray, place: float) -> FloatArray:
    """Turns one side down; drums keep their own stereo picture."""
    gains = np.array([min(1.0, 1 - place), min(1.0, 1 + place)], np.float32)
    return hit * gains


def _ends(strokes: list[Stroke]) -> list[float | None]:
    """When each hi-hat stroke is choked by the next one."""
    ends: list[float | None] = [None] * len(strokes)
    after: float | None = None
    for k in range(len(strokes) - 1, -1, -1):
        if strokes[k].drum in _CHOKED:
            ends[k], after = after, strokes[k].time_s
    return ends


def _hits(
    kit: kits.Kit, strokes: list[Stroke], n_samples: int, width: float
) -> FloatArray:
    """Adds up the strokes, `(n_samples, 2)`."""
    sound = np.zeros((n_samples, 2), np.float32)
    for stroke, end_s in zip(strokes, _ends(strokes), strict=True):
        hit = kit.hit(stroke.drum, stroke.loudness)
        start = round(stroke.time_s * RATE)
        if hit is None or start >= n_samples:
            continue
        if end_s is not None:
            n = round(end_s * RATE) - start + _FADE
            if n < len(hit):
                hit = hit[:n].copy()
                fade = np.linspace(1, 0, min(n, _FADE), dtype=np.float32)
                hit[-len(fade) :] *= fade[:, None]
        hit = _placed(hit, width * _PLACES.get(stroke.drum, 0.15))
        stop = min(n_samples, start + len(hit))
        sound[start:stop] += hit[: stop - start]
    return sound


def _draw_kit(
    rng: np.random.Generator,
    pool: Pool,
    strokes: list[Stroke],
    style: str,
    machine: bool,
) -> kits.Kit:
    drums = sorted({stroke.drum for stroke in strokes})
    wanted = KITS.get(style, tuple(range(16)))
    if machine:
        wanted = (24, 25)
    return kits.draw(rng, pool, drums, wanted=wanted, machine_like=machine)


def _loop(rng: np.random.Generator, score: Score, pool: Pool) -> FloatArray:
    """A recorded loop, cut into eighths that are put on the song's grid."""
    path, n_beats = sounds.LOOPS[pool][rng.integers(len(sounds.LOOPS[pool]))]
    loop, n_slices = kits.read(path), 2 * n_beats
    length = len(loop) / n_slices
    step = int(score.beat_s * RATE / 2)
    order = np.arange(n_slices)
    if rng.random() < 0.4:  # cut up
        order = rng.integers(n_slices, size=n_slices)
    threshold = rng.uniform(0.2, 0.7)
    sound = np.zeros((score.n_samples, 2), np.float32)
    for bar in range(score.n_bars):
        if score.section(bar).intensity < threshold:
            continue
        for k in range(8):
            first = int(order[(8 * bar + k) % n_slices] * length)
            cut = loop[first : first + min(int(length), step)].copy()
            cut[-300:] *= np.linspace(1, 0, 300, dtype=np.float32)[:, None]
            start = round(score.step_s(bar, 2 * k) * RATE)
            stop = max(start, min(score.n_samples, start + len(cut)))
            sound[start:stop] += cut[: stop - start]
    return sound


def render(rng: np.random.Generator, score: Score, pool: Pool) -> list[Part]:
    """Plays the drums of a song; an empty list where it has none."""
    if rng.random() < SILENT.get(score.style, 0.03):
        return []
    machine = bool(rng.random() < MACHINES.get(score.style, 0.05))
    strokes = draw_beat(rng, score, machine)
    kit = _draw_kit(rng, pool, strokes, score.style, machine)
    width = rng.uniform(0.2, 1.0)
    sound = _hits(kit, strokes, score.n_samples, width)
    role = "machine" if machine else "kit"
    parts = [Part(role, levels.even(sound), 0.0, 0.0)]
    if rng.random() < _PERCUSSION_CHANCE.get(score.style, 0.2):
        extra = draw_percussion(rng, score)
        kit = _draw_kit(rng, pool, extra, score.style, False)
        sound = levels.even(_hits(kit, extra, score.n_samples, 1.0))
        level_db = float(rng.uniform(-16, -7))
        parts.append(Part("percussion", sound, level_db, float(rng.uniform(-0.7, 0.7))))
    loops = score.style in ("electronic", "hip-hop", "pop", "funk")
    if loops and sounds.LOOPS[pool] and rng.random() < 0.25:
        sound = levels.even(_loop(rng, score, pool))
        parts.append(Part("machine", sound, float(rng.uniform(-10, -3)), 0.0))
    for part in parts:
        levels.follow(part.sound, score, 0.15)
    return [part for part in parts if part.sound.any()]
