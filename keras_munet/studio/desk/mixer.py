"""The whole desk: strips, rooms, stems, master, and for some songs a lossy codec."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.studio.desk import (
    coding,
    dynamics,
    levels,
    master,
    space,
    stereo,
    strip,
    tone,
)
from keras_munet.studio.desk.era import Sound, draw_sound
from keras_munet.studio.desk.plugins import run
from keras_munet.studio.score import RATE, Part, Score

STEMS = ("vocals", "drums", "bass", "other")
_CODED = 1 / 7  # share of songs that come from a lossy file
_CODECS = ("mp3", "aac", "ogg")
_PUMPING = {"electronic": 0.4, "pop": 0.1, "hip-hop": 0.1}

_SEND = {  # chance of a reverberation, and its level under the dry sound in dB
    "vocals": (0.9, (-24, -5)),
    "drums": (0.75, (-26, -8)),
    "bass": (0.08, (-28, -16)),
    "other": (0.8, (-26, -6)),
}
_SECOND_ROOM = {"vocals": 0.35, "drums": 0.1, "bass": 0.0, "other": 0.2}
_ECHO = {"vocals": 0.4, "drums": 0.04, "bass": 0.0, "other": 0.2}
_BACKING_SEND = 1.8  # backing voices stand further back
_COLOURED = {"vocals": 0.05, "drums": 0.05, "bass": 0.02, "other": 0.06}


@dataclass(frozen=True)
class _Rooms:
    """The reverberations and the echo that all stems of a song may use."""

    short: FloatArray
    long: FloatArray
    gated: FloatArray | None
    echo: space.Echo
    pre_delay: int


def _rooms(rng: np.random.Generator, score: Score, sound: Sound) -> _Rooms:
    return _Rooms(
        short=space.response(rng, float(rng.uniform(0.2, 0.8))),
        long=space.response(rng, sound.decay_s),
        gated=space.response(rng, 1.0, gated=True) if sound.gated else None,
        echo=space.draw_echo(rng, score.beat_s),
        pre_delay=int(rng.uniform(0, 0.06) * RATE),
    )


def _wet(
    rng: np.random.Generator, stem: str, send: FloatArray, rooms: _Rooms, sound: Sound
) -> FloatArray | None:
    """What rooms and echo add to a stem, `(samples, 2)`; None for a dry one."""
    wet: FloatArray | None = None

    def add(heard: FloatArray, gain_db: float) -> None:
        nonlocal wet
        heard *= np.float32(10 ** (gain_db / 20))
        wet = heard if wet is None else wet + heard

    chance, (least, most) = _SEND[stem]
    long_first = rng.random() < (0.3 if stem == "drums" else 0.55)
    if rng.random() < chance:
        room = rooms.long if long_first else rooms.short
        if stem == "drums" and rooms.gated is not None:
            room = rooms.gated
        level_db = float(rng.uniform(least, most)) + sound.wet_db
        add(space.convolved(send, room, rooms.pre_delay), level_db)
    if rng.random() < _SECOND_ROOM[stem]:
        room = rooms.short if long_first else rooms.long
        level_db = float(rng.uniform(least, most)) + sound.wet_db - 3
        add(space.convolved(send, room), level_db)
    if rng.random() < _ECHO[stem]:
        add(rooms.echo(send), float(rng.uniform(-24, -8)))
    return wet


def _glued(
    rng: np.random.Generator, stem: str, sound: FloatArray, squeeze: float
) -> FloatArray:
    """A stem's own bus compressor, for drums and voices mostly."""
    if rng.random() >= {"drums": 0.5, "vocals": 0.4}.get(stem, 0.2):
        return sound
    peaks = dynamics.peaks(sound)
    usual = float(np.quantile(peaks[peaks > 0.01 * peaks.max()], 0.9))
    gains = dynamics.compression(
        peaks,
        threshold_db=20 * float(np.log10(usual)) - rng.uniform(2, 8) * squeeze,
        ratio=rng.uniform(1.5, 4),
        attack_ms=rng.uniform(5, 30),
        release_ms=rng.uniform(60, 250),
    )
    return dynamics.shaped(sound, gains)


def _coloured(
    rng: np.random.Generator, stem: str, score: Score, sound: FloatArray
) -> FloatArray:
    """Sends some sections of some stems through a telephone or a door."""
    if rng.random() >= _COLOURED[stem]:
        return sound
    effects = tone.telephone(rng) if rng.random() < 0.5 else tone.muffled(rng)
    chosen = rng.random(len(score.sections)) < 0.5
    times, weights = [0.0], [float(chosen[0])]
    for section, is_on in zip(score.sections[1:], chosen[1:], strict=True):
        start = section.first_bar * 4 * score.beat_s
        times += [start - 0.05, start]
        weights += [weights[-1], float(is_on)]
    seconds = np.arange(len(sound), dtype=np.float32) / RATE
    amount = np.interp(seconds, times, weights).astype(np.float32)[:, None]
    mixed: FloatArray = sound + amount * (run(effects, sound) - sound)
    return mixed


def _pump(rng: np.random.Generator, score: Score) -> FloatArray:
    """Draws the gain with which a bass drum on each beat ducks what it plays with."""
    depth, back_s = rng.uniform(0.3, 0.9), rng.uniform(0.5, 0.95) * score.beat_s
    phase = np.arange(score.n_samples) / RATE % score.beat_s
    rise = np.minimum(1, phase / back_s)
    gain: FloatArray = (1 - depth * (1 - rise) ** 1.5).astype(np.float32)
    # A few milliseconds to turn down, for a step would click.
    down = np.minimum(1, (score.beat_s - phase) / 0.008 + 1 - depth)
    return np.minimum(gain, down.astype(np.float32))


def _stem(
    rng: np.random.Generator,
    stem: str,
    score: Score,
    parts: Sequence[Part],
    rooms: _Rooms,
    sound: Sound,
) -> FloatArray:
    """Mixes one stem, at no particular level; silence stays exactly silent."""
    mixed = stereo.silence(score.n_samples)
    send = np.zeros(score.n_samples, np.float32)
    for part in parts:
        played = strip.play(rng, part, sound)
        span = slice(played.start, played.start + len(played.sound))
        mixed[span] += played.sound
        depth = _BACKING_SEND if part.role in ("double", "harmony", "choir") else 1.0
        depth *= rng.uniform(0.5, 1.5)
        send[span] += stereo.mid(played.sound) * np.float32(depth)
    if not send.any() and not mixed.any():
        return mixed
    mixed = _coloured(rng, stem, score, mixed)
    mixed = _glued(rng, stem, mixed, sound.squeeze)
    wet = _wet(rng, stem, send, rooms, sound)
    if wet is not None:
        mixed += stereo.widened(wet, 0.0) if sound.is_mono else wet
    gain = np.float32(levels.stem_gain(rng, stem, mixed))
    return mixed * (gain * levels.ride(rng, score, stem))[:, None]


def _through_codec(
    rng: np.random.Generator, stems: dict[str, FloatArray]
) -> dict[str, FloatArray]:
    """Codes each stem for itself, so that the sum stays exact; peaks stay low."""
    codec = str(rng.choice(_CODECS))
    kbit_s = int(rng.choice(coding.BIT_RATES))
    heard = {name: coding.coded(x, codec, kbit_s) for name, x in stems.items()}
    gain = np.float32(min(1.0, master.PEAK / (master.highest(heard).max() + 1e-9)))
    return {name: sound * gain for name, sound in heard.items()}


def mix(
    rng: np.random.Generator, score: Score, parts: dict[str, list[Part]]
) -> dict[str, FloatArray]:
    """Mixes a song.

    Args:
        rng: draws everything; the same state gives the same bits.
        score: the song.
        parts: stem -> its players, dry. They are left as they are.

    Returns:
        stem -> `(n_samples, 2)` at `RATE`: `vocals`, `drums`, `bass`, `other` at
        their final levels. The mixture is their sum; neither it nor a stem exceeds
        0.98. A stem without sound is exactly zero.
    """
    sound = draw_sound(rng, score.style)
    rooms = _rooms(rng, score, sound)
    stems = {
        name: _stem(rng, name, score, parts.get(name, []), rooms, sound)
        for name in STEMS
    }
    if rng.random() < _PUMPING.get(score.style, 0.0):
        gain = _pump(rng, score)[:, None]
        for name in ("bass", "other"):
            stems[name] *= gain
    stems = master.master(rng, stems, sound)
    if rng.random() < _CODED:
        stems = _through_codec(rng, stems)
    return {name: np.ascontiguousarray(sound) for name, sound in stems.items()}
