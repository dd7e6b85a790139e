"""A drum kit: every drum is a few one-shots, from soft to loud.

Soundfonts, recorded one-shots and our own drum machine all become one-shots, so the
kick of one and the snare of another, tuned up or down, make a kit.
"""

import functools
from dataclasses import dataclass

import numpy as np
import scipy.signal
import soundfile

from keras_munet.dsp import FloatArray
from keras_munet.studio.band import fluid, machine, sounds
from keras_munet.studio.band.notes import Note
from keras_munet.studio.score import RATE, Pool

KEYS = {
    "kick": 36,
    "rim": 37,
    "snare": 38,
    "clap": 39,
    "hat": 42,
    "tom3": 43,
    "pedal": 44,
    "tom2": 45,
    "open": 46,
    "crash": 49,
    "tom1": 50,
    "ride": 51,
    "china": 52,
    "bell": 53,
    "tambourine": 54,
    "splash": 55,
    "cowbell": 56,
    "crash2": 57,
    "bongo_hi": 60,
    "bongo_lo": 61,
    "conga_mute": 62,
    "conga_hi": 63,
    "conga_lo": 64,
    "timbale_hi": 65,
    "timbale_lo": 66,
    "agogo": 67,
    "cabasa": 69,
    "shaker": 70,
    "claves": 75,
    "block": 76,
    "triangle": 81,
}
"""General MIDI keys of the drums."""

_LAYERS = (0.25, 0.45, 0.65, 0.8, 0.92, 1.0)
_RING_S = {"crash": 2.2, "crash2": 2.2, "ride": 1.6, "china": 1.6, "bell": 1.6}
_OTHER_RING_S = 0.9
_STAND_IN = {
    "pedal": "hat",
    "crash2": "crash",
    "china": "crash",
    "splash": "crash",
    "bell": "ride",
    "ride": "open",
    "tom1": "tom3",
    "tom2": "tom3",
    "clap": "snare",
    "rim": "snare",
}
# Peaks of the drums beside each other, before a song's own taste.
_LEVELS = {
    "kick": 1.0,
    "snare": 0.85,
    "clap": 0.6,
    "rim": 0.5,
    "hat": 0.3,
    "pedal": 0.25,
    "open": 0.36,
    "ride": 0.32,
    "bell": 0.35,
    "crash": 0.5,
    "crash2": 0.5,
    "china": 0.45,
    "splash": 0.4,
    "tom1": 0.75,
    "tom2": 0.75,
    "tom3": 0.8,
}
_OTHER_LEVEL = 0.5

Layers = tuple[FloatArray, ...]


@functools.lru_cache(maxsize=256)
def read(path: str) -> FloatArray:
    """Reads a sound file as `(n, 2)` at `RATE`, peak 1, from its first sound on."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if rate != RATE:
        sound = scipy.signal.resample_poly(sound, RATE, rate, axis=0)
    sound = np.repeat(sound, 2, axis=1) if sound.shape[1] == 1 else sound[:, :2]
    peak = np.abs(sound).max(axis=1)
    first = int(np.argmax(peak > 0.03 * peak.max()))
    kept: FloatArray = np.ascontiguousarray(sound[max(0, first - 32) :], np.float32)
    return kept / np.float32(peak.max() + 1e-9)


@functools.lru_cache(maxsize=64)
def _sampled(path: str, kit: int, drums: tuple[str, ...]) -> dict[str, Layers]:
    """Plays drums of a soundfont at several velocities, all in one run."""
    notes, places, start_s = [], [], 0.0
    for drum in drums:
        ring_s = _RING_S.get(drum, _OTHER_RING_S)
        for level in _LAYERS:
            notes.append(Note(start_s, ring_s - 0.01, KEYS[drum], level))
            places.append((round(start_s * RATE), round((start_s + ring_s) * RATE)))
            start_s += ring_s
    sound = fluid.play(fluid.Preset(path, 128, kit), notes, round(start_s * RATE))
    hits = [_faded(sound[first:stop].copy()) for first, stop in places]
    n = len(_LAYERS)
    return {d: _loudest_1(hits[n * k : n * k + n]) for k, d in enumerate(drums)}


def _faded(hit: FloatArray) -> FloatArray:
    hit[-2000:] *= np.linspace(1, 0, min(2000, len(hit)), dtype=np.float32)[:, None]
    return hit


def _loudest_1(hits: list[FloatArray]) -> Layers:
    """Scales layers to a peak of 1 of the loudest; nothing for an empty key."""
    loudest = np.float32(np.abs(hits[-1]).max())
    return tuple(hit / loudest for hit in hits) if loudest > 1e-4 else ()


def _recorded(paths: tuple[str, ...]) -> Layers:
    """Recorded hits; their files carry no loudness, so layers are scaled."""
    n = len(paths)
    cut = round(3.0 * RATE)
    return tuple(
        read(path)[:cut] * np.float32(((k + 1) / n) ** 0.8)
        for k, path in enumerate(paths)
    )


def _dark(sound: FloatArray, share: float) -> FloatArray:
    """A hit played softly: less of what lies above 2 kHz."""
    sos = scipy.signal.butter(1, 2000, fs=RATE, output="sos").astype(np.float32)
    low: FloatArray = scipy.signal.sosfilt(sos, sound, axis=0)
    return low + np.float32(share) * (sound - low)


def _tuned(sound: FloatArray, semitones: float) -> FloatArray:
    """The sound, faster and higher, or slower and lower."""
    ratio = 2 ** (semitones / 12)
    places = np.arange(0, len(sound) - 1, ratio)
    index = places.astype(np.int64)
    part = (places - index).astype(np.float32)[:, None]
    return sound[index] * (1 - part) + sound[index + 1] * part


@dataclass(frozen=True)
class Kit:
    """Drums by name; each is layers from soft to loud with peaks that grow."""

    drums: dict[str, Layers]

    def hit(self, drum: str, loudness: float) -> FloatArray | None:
        """Returns a stroke of loudness 0 to 1 as `(n, 2)`; None without such a drum."""
        layers = self.drums.get(drum) or self.drums.get(_STAND_IN.get(drum, drum))
        if not layers:
            return None
        index = min(len(layers) - 1, int(loudness * len(layers)))
        gain = 0.4 + 0.6 * loudness  # the layers' own loudness does the rest
        return layers[index] * np.float32(gain)


def _finished(rng: np.random.Generator, drum: str, layers: Layers) -> Layers:
    """A song's own tuning, level and length of a drum."""
    if not layers:
        return ()
    bend = float(rng.uniform(-2, 2)) if rng.random() < 0.6 else 0.0
    level = _LEVELS.get(drum, _OTHER_LEVEL) * np.exp(rng.normal(0, 0.15))
    ring_s = rng.uniform(0.15, 0.5) if rng.random() < 0.2 else None
    done = []
    for layer in layers:
        sound = _tuned(layer, bend) if bend else layer.copy()
        if ring_s and drum in ("kick", "snare", "tom1", "tom2", "tom3"):
            fade = np.exp(-np.arange(len(sound)) / (0.4 * ring_s * RATE))
            sound = sound[: int(2 * ring_s * RATE)] * fade[
                : int(2 * ring_s * RATE), None
            ].astype(np.float32)
        done.append(sound * np.float32(level))
    if len(done) == 1:
        done = [_dark(done[0], 0.35) * 0.5, _dark(done[0], 0.7) * 0.75, done[0]]
    return tuple(done)


def _source(
    rng: np.random.Generator, pool: Pool, drum: str, *, machine_like: bool
) -> Layers:
    """A drum from anywhere: a file, our machine, or a soundfont's kit."""
    singles = sounds.SINGLES[pool].get(drum, ())
    way = rng.random()
    if machine_like and way < 0.5 and pool == "train":
        made = machine.make(rng, drum)
        return () if made is None else (made,)
    if machine_like and singles and way < 0.85:
        return (read(singles[rng.integers(len(singles))]),)
    kits = [k for k in sounds.KITS[pool] if drum in k.files]
    if kits and way < 0.7:
        kit = kits[rng.integers(len(kits))]
        return _recorded(kit.files[drum])
    font = sounds.SOUNDFONTS[pool][rng.integers(len(sounds.SOUNDFONTS[pool]))]
    kit_preset = font.kits[rng.integers(len(font.kits))]
    return _sampled(font.path, kit_preset, (drum,))[drum] if drum in KEYS else ()


def _base(
    rng: np.random.Generator, pool: Pool, wanted: tuple[int, ...], machine_like: bool
) -> tuple[sounds.Soundfont, int, sounds.Shots | None]:
    """Chooses the soundfont's kit, and perhaps recorded drums in front of it."""
    font = sounds.SOUNDFONTS[pool][rng.integers(len(sounds.SOUNDFONTS[pool]))]
    kits = [kit for kit in font.kits if kit in wanted] or list(font.kits)
    shots = [k for k in sounds.KITS[pool] if k.is_machine == machine_like]
    recorded = rng.random() < (0.6 if pool == "test" else 0.3)
    shot = shots[rng.integers(len(shots))] if recorded and shots else None
    return font, int(rng.choice(kits)), shot


def draw(
    rng: np.random.Generator,
    pool: Pool,
    drums: list[str],
    *,
    wanted: tuple[int, ...],
    machine_like: bool,
) -> Kit:
    """Draws a kit with the drums that a song needs.

    Args:
        rng: draws the kit.
        pool: whose sounds may be used.
        drums: keys of `KEYS`.
        wanted: presets of bank 128 that suit the style.
        machine_like: whether electronic sounds are preferred.
    """
    font, preset, shots = _base(rng, pool, wanted, machine_like)
    mixed = rng.random() < 0.4
    own = machine_like and pool == "train" and rng.random() < 0.5
    kit: dict[str, Layers] = {}
    for drum in drums:
        if own or (mixed and rng.random() < 0.5):
            kit[drum] = _source(rng, pool, drum, machine_like=machine_like)
        if not kit.get(drum) and shots and drum in shots.files:
            kit[drum] = _recorded(shots.files[drum])
    rest = tuple(drum for drum in drums if not kit.get(drum) and drum in KEYS)
    kit |= _sampled(font.path, preset, rest) if rest else {}
    done = {drum: _finished(rng, drum, kit.get(drum, ())) for drum in drums}
    return Kit(done)
