"""Where a model fails: instruments that it takes for voices, and voices that it loses.

    python recipes/limits.py MODEL OUT.md [--songs 6] [--seconds 16]

Every instrument, with a sound of the test pool, plays a melody or chords alone; every
manner of singing is sung alone by singers of the test pool. A perfect model gives the
first to the accompaniment and the second to the vocals, as a whole.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from keras_munet import Separator
from keras_munet.dsp import FloatArray
from keras_munet.evaluation.tables import markdown_table
from keras_munet.files import replacing
from keras_munet.music.tones import RATE
from keras_munet.studio.band import chords, ensembles, fluid, melodies
from keras_munet.studio.band.other import preset, solo_sound
from keras_munet.studio.score import Score, draw_score
from keras_munet.studio.singers import backing, plan
from keras_munet.studio.singers.character import draw_character
from keras_munet.studio.singers.pitch import draw_manner
from keras_munet.studio.singers.takes import Track, perform

SOLOS = (
    *("sax", "trumpet", "violin", "cello", "flute", "whistle", "reeds", "harmonica"),
    *("distorted", "guitar", "lead", "voices", "keys"),
)
CHORDS = ("piano", "organ", "strings", "brass", "pad", "choir", "nylon")
DELIVERIES = ("sung", "falsetto", "rap", "whisper", "shout", "scream", "growl")
SILENT = 1e-4  # mean square below which nothing was played


def play_solo(rng: np.random.Generator, score: Score, name: str) -> FloatArray:
    """Plays a tune on one of `ensembles.SOLOISTS`."""
    soloist = ensembles.SOLOISTS[name]
    bars = list(range(score.n_bars))
    notes = melodies.melody(rng, score, bars, low=soloist.low, high=soloist.high)
    return solo_sound(rng, score, "test", soloist, notes)


def play_chords(rng: np.random.Generator, score: Score, name: str) -> FloatArray:
    """Plays the chords on one of `ensembles.PLAYERS`."""
    player = ensembles.PLAYERS[name]
    how = chords.held if player.plays == "held" else chords.comp
    notes = how(rng, score, list(range(score.n_bars)), low=player.low[0])
    instrument = preset(rng, "test", player.programs)
    return fluid.play(instrument, notes, score.n_samples)


def sing(rng: np.random.Generator, score: Score, delivery: str) -> FloatArray:
    """Sings in one manner, alone."""
    singer = plan.draw_singer(rng, "test")
    voice, manner = draw_character(rng, singer), draw_manner(rng)
    track = Track(score.n_samples)
    for phrase in plan.draw_phrases(rng, score, singer):
        sung = replace(phrase, delivery=delivery)
        track.add(*perform(rng, sung, phrase.notes, voice, manner))
    return track.part("lead").sound


def sing_in_choir(rng: np.random.Generator, score: Score, name: str) -> FloatArray:
    """Sings chords on a vowel, three to six voices."""
    parts = backing.choir(rng, score, "test")
    return sum((p.sound for p in parts), np.zeros((score.n_samples, 2), np.float32))


def shares(
    separator: Separator, make, name: str, n_songs: int, seconds: float
) -> Iterator[float]:
    """Gives the share of each song's energy that the model calls vocals."""
    for index in range(n_songs):
        rng = np.random.default_rng([index, *map(ord, name)])
        score = draw_score(rng, seconds)
        everybody_sings = tuple(replace(s, is_sung=True) for s in score.sections)
        sound = make(rng, replace(score, sections=everybody_sings), name)
        if np.mean(sound**2) < SILENT:
            continue
        stems = separator.separate(sound, sample_rate=RATE)
        yield float(np.sum(stems["vocals"] ** 2) / np.sum(sound**2))


TABLES = {
    "Instruments alone: what is taken for vocals": (
        ("solo", SOLOS, play_solo),
        ("chords", CHORDS, play_chords),
    ),
    "Voices alone: what is kept as vocals": (
        ("lead", DELIVERIES, sing),
        ("singers", ("choir",), sing_in_choir),
    ),
}


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="name or path, with a source `vocals`")
    parser.add_argument("out", type=Path)
    parser.add_argument("--songs", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=16.0)
    options = parser.parse_args()
    separator = Separator.load(options.model)
    lines = [
        f"# What `{options.model}` takes for a voice",
        "",
        "Share of the energy that goes to the vocals, of sounds played or sung alone: "
        f"median (least to most) of {options.songs} tunes of {options.seconds:g} s. "
        "Sounds and singers are those of test songs.",
        "",
    ]
    for title, kinds in TABLES.items():
        rows = []
        for how, names, make in kinds:
            for name in names:
                found = [
                    *shares(separator, make, name, options.songs, options.seconds)
                ] or [float("nan")]
                low, middle, high = 100 * np.quantile(found, [0, 0.5, 1])
                rows.append([name, how, f"{middle:.0f} % ({low:.0f} to {high:.0f})"])
                print(*rows[-1], flush=True)
        table = markdown_table(["sound", "how", "share"], rows)
        lines += [f"## {title}", "", *table]
    with replacing(options.out) as part:
        part.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
