"""The drummer: grooves become strokes, with fills, crashes, breaks and a human hand."""

from typing import NamedTuple

import numpy as np

from keras_munet.studio.band.grooves import GHOSTS, GROOVES, PERCUSSION, Groove
from keras_munet.studio.score import Score, Section

_LOUDNESS = {"X": 0.95, "x": 0.75, "g": 0.3, "t": 0.6}
_TRIPLET = 2 / 3  # of a sixteenth: `t` on an eighth sounds on the third triplet
_TOMS = ("tom1", "tom2", "tom3")
_LATEST_S = 0.03  # a hand is never further from the grid


class Stroke(NamedTuple):
    """A hit: when (in seconds), on which drum, how loud (0 to 1)."""

    time_s: float
    drum: str
    loudness: float


def _fill(rng: np.random.Generator, n_steps: int) -> Groove:
    """Draws the last steps of a section: rolls over snare and toms."""
    drums = [str(rng.choice(["snare", "tom1", "tom2", "tom3", "kick"])) for _ in "1234"]
    if rng.random() < 0.5:
        drums = ["snare", *_TOMS]
    dense = rng.choice([0.45, 0.7, 1.0])
    fill: dict[str, list[str]] = {drum: ["."] * 16 for drum in drums}
    for k in range(n_steps):
        step = 16 - n_steps + k
        if step % 4 == 0 or rng.random() < dense:
            drum = drums[min(3, 4 * k // n_steps)]
            fill[drum][step] = "X" if step % 4 == 0 else "x"
    return {drum: "".join(steps) for drum, steps in fill.items()}


def _cut(groove: Groove, first: int) -> Groove:
    """The groove up to a step."""
    return {drum: steps[:first] + "." * (16 - first) for drum, steps in groove.items()}


def _joined(*grooves: Groove) -> list[tuple[str, str]]:
    return [item for groove in grooves for item in groove.items()]


def _section_groove(
    rng: np.random.Generator, section: Section, grooves: tuple[Groove, Groove]
) -> Groove:
    """What is played in a section: less in breaks, more in choruses."""
    groove = dict(grooves[section.kind in ("chorus", "solo", "outro")])
    if section.kind == "break":
        kept = rng.choice(["nothing", "nothing", "kick", "hats", "all but kick"])
        if kept == "nothing":
            return {}
        if kept == "kick":
            return {"kick": "x...x...x...x..."}
        if kept == "all but kick":
            return {d: s for d, s in groove.items() if d != "kick"}
        return {d: s for d, s in groove.items() if d not in ("kick", "snare", "clap")}
    if section.kind == "intro" and rng.random() < 0.45:
        kept_drums = rng.permutation(list(groove))[: int(rng.integers(0, 3))]
        return {d: s for d, s in groove.items() if d in kept_drums}
    rides = section.intensity > 0.75 and "hat" in groove and rng.random() < 0.5
    if rides:
        groove[str(rng.choice(["ride", "open", "ride"]))] = groove.pop("hat")
    return groove


def _varied(
    rng: np.random.Generator, groove: Groove, style: str, machine: bool
) -> Groove:
    """A bar is seldom like the one before: kicks move, ghosts and open hats appear."""
    varied = dict(groove)
    kick = list(varied.get("kick", "." * 16))
    if "kick" in varied and rng.random() < (0.1 if machine else 0.3):
        kick[int(rng.choice([3, 6, 7, 10, 11, 14]))] = "x"
        varied["kick"] = "".join(kick)
    if "hat" in varied and rng.random() < 0.2:
        step = int(rng.choice([6, 14, 10]))
        hat = varied["hat"]
        varied["hat"] = hat[:step] + "." + hat[step + 1 :]
        held = list(varied.get("open", "." * 16))
        held[step] = "x"
        varied["open"] = "".join(held)
    if "snare" in varied and not machine:
        chance = GHOSTS.get(style, 0.02)
        varied["snare"] = "".join(
            "g" if char == "." and rng.random() < chance and k % 4 else char
            for k, char in enumerate(varied["snare"])
        )
    return varied


def _bar(
    rng: np.random.Generator,
    score: Score,
    bar: int,
    items: list[tuple[str, str]],
    *,
    lag_s: dict[str, float],
    jitter_s: float,
) -> list[Stroke]:
    """Strokes of a bar, as loud as its section is intense."""
    level = 0.65 + 0.35 * score.section(bar).intensity
    strokes = []
    for drum, steps in items:
        for step, char in enumerate(steps):
            if char == ".":
                continue
            place = step + _TRIPLET if char == "t" else step
            off = float(rng.normal(lag_s.get(drum, 0.0), jitter_s)) if jitter_s else 0.0
            time_s = score.step_s(bar, place) + float(np.clip(off, -0.015, _LATEST_S))
            accent = 0.06 if step % 4 == 0 and drum in ("hat", "ride", "shaker") else 0
            spread = rng.normal(1, 0.08 if jitter_s else 0.02)
            loudness = float(np.clip((_LOUDNESS[char] + accent) * level * spread, 0, 1))
            strokes.append(Stroke(max(0.0, time_s), drum, loudness))
    return strokes


def _trap_rolls(rng: np.random.Generator, score: Score, bar: int) -> list[Stroke]:
    """Hats in thirty-seconds or triplets, as hip-hop of today has them."""
    n, first = int(rng.choice([3, 4, 6, 8])), int(rng.choice([4, 8, 12, 14]))
    start, stop = score.step_s(bar, first), score.step_s(bar, first + 2)
    return [
        Stroke(start + (stop - start) * k / n, "hat", float(0.4 + 0.3 * k / n))
        for k in range(n)
    ]


def draw_beat(rng: np.random.Generator, score: Score, machine: bool) -> list[Stroke]:
    """Draws the strokes of a whole song, in order of time."""
    choices = GROOVES[score.style]
    first, second = rng.integers(len(choices), size=2)
    grooves = (choices[first], choices[second])
    jitter_s = 0.0 if machine else float(rng.uniform(0.002, 0.007))
    lag_s = {"snare": rng.uniform(-0.004, 0.01), "hat": rng.uniform(-0.004, 0.004)}
    trap = score.style == "hip-hop" and rng.random() < 0.5
    crashes = rng.random() < (0.4 if machine else 0.85)
    strokes: list[Stroke] = []
    for section in score.sections:
        groove = _section_groove(rng, section, grooves)
        for bar in range(section.first_bar, section.first_bar + section.n_bars):
            played = _varied(rng, groove, score.style, machine)
            last = bar == section.first_bar + section.n_bars - 1
            if groove and ((last and rng.random() < 0.7) or rng.random() < 0.06):
                n_steps = int(rng.choice([2, 4, 4, 8, 8, 16]))
                items = _joined(_cut(played, 16 - n_steps), _fill(rng, n_steps))
            else:
                items = _joined(played)
            if bar == section.first_bar and section.intensity > 0.5 and crashes:
                items.append((str(rng.choice(["crash", "crash2"])), "X" + 15 * "."))
            strokes += _bar(rng, score, bar, items, lag_s=lag_s, jitter_s=jitter_s)
            if trap and groove and rng.random() < 0.4:
                strokes += _trap_rolls(rng, score, bar)
    return sorted(strokes)


def draw_percussion(rng: np.random.Generator, score: Score) -> list[Stroke]:
    """Draws congas, shakers, bells: one or two patterns, in some of the sections."""
    picks = rng.permutation(len(PERCUSSION))[: int(rng.integers(1, 3))]
    items = _joined(*(PERCUSSION[k] for k in picks))
    threshold, jitter_s = rng.uniform(0.2, 0.75), float(rng.uniform(0.002, 0.008))
    strokes: list[Stroke] = []
    for bar in range(score.n_bars):
        if score.section(bar).intensity > threshold:
            strokes += _bar(rng, score, bar, items, lag_s={}, jitter_s=jitter_s)
    return sorted(strokes)
