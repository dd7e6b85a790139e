"""What mattered: a small network, trained with and without parts of the recipe.

    python recipes/ablations.py FOLDER OUT [--only NAME ...] [--seeds 1,2]

Songs, caches and runs go into FOLDER, which may be that of `recipes/train.sh`: its
first songs are the ones that are needed here. Every network takes equally many steps
and is scored on the test songs of the studio, whose singers and sounds no training song
has, and on the excerpt of MUSDB18 (never used to choose anything). What is done is kept
in OUT/rows; the report is OUT/README.md.
"""

import argparse
import dataclasses
import functools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from score import evaluate_songs

from keras_munet import workers as work
from keras_munet.config import DataConfig, FitConfig
from keras_munet.data.dataset import Dataset
from keras_munet.data.excerpt import excerpt
from keras_munet.evaluation.compare import Difference, compare
from keras_munet.evaluation.report import Report, parse_report
from keras_munet.evaluation.tables import ROW_TITLES, markdown_table
from keras_munet.files import replacing, write_json
from keras_munet.music.collection import PLAIN, write_stems, write_tracks
from keras_munet.studio.engine import STUDIO

BATCH, N_FRAMES, DEPTH, STEPS = 4, 64, 5, 1450
"""Of the small recipe; all else is as in vocals.json."""

SEED, SECONDS, ALL, TESTS = 1, 48.0, 192, 16
"""Of the songs: seed, length, how many to learn from, and how many to be scored on."""

FEW = 24
"""Songs in the sets that are altered, and in the one that they are held against."""

TWO_SINGERS = ("slt alto", "rms baritone")
SHOWN = ("vocals", "accompaniment")
TITLES = (
    *("variant", "seed", "vocals", "accompaniment"),
    *("against", "vocals, difference", "accompaniment, difference"),
    *("excerpt, vocals", "excerpt, accompaniment"),
)


@dataclass(frozen=True)
class Variant:
    """One change to the recipe.

    Attributes:
        title: what it is.
        base: the variant that it is held against.
        songs: an engine of `synth`, or a name in `ALTERED`.
        n_songs: how many are trained on; all by default.
        unet: changed settings of the network.
        fit: changed settings of the run.
    """

    title: str
    base: str = "recipe"
    songs: str = "studio"
    n_songs: int | None = None
    unet: dict[str, Any] = field(default_factory=dict)
    fit: dict[str, Any] = field(default_factory=dict)


VARIANTS = {
    "recipe": Variant("the recipe, made small", base=""),
    "few-songs": Variant(f"{FEW} songs instead of all", n_songs=FEW),
    "very-few-songs": Variant("12 songs", n_songs=12),
    "no-effects": Variant(
        f"{FEW} songs without effects: parts only placed and added up",
        base="few-songs",
        songs="no-effects",
    ),
    "two-singers": Variant(
        f"{FEW} songs by two singers, a woman and a man",
        base="few-songs",
        songs="two-singers",
    ),
    "numpy": Variant("songs of the NumPy engine", songs="numpy"),
    "no-remix": Variant(
        "stems never mixed across songs",
        fit={"augment": ("gain", "polarity", "channels")},
    ),
    "no-augmentation": Variant("no augmentation at all", fit={"augment": ()}),
    "energy": Variant("squared error instead of L1", fit={"loss": "energy"}),
    "unit": Variant("losses not weighted", fit={"weighting": "unit"}),
    "dropout": Variant("dropout 0.1", unet={"dropout": 0.1}),
    "width-4": Variant("half the filters (width 4)", unet={"width": 4}),
    "width-16": Variant("twice the filters (width 16)", unet={"width": 16}),
    "longer": Variant("four times the steps", fit={"epochs": 4}),
}


def _plain_mix(rng: np.random.Generator, score: Any, parts: Any) -> dict[str, Any]:
    """Stands in for the desk: faders and places alone."""
    from keras_munet.studio.desk import levels, stereo
    from keras_munet.studio.desk.mixer import STEMS

    stems = {}
    for name in STEMS:
        mixed = stereo.silence(score.n_samples)
        for part in parts.get(name, []):
            gain = levels.fader(rng, part) / levels.rms(part.sound)
            mixed += stereo.placed(part.sound, part.pan) * np.float32(gain)
        stems[name] = mixed * np.float32(levels.stem_gain(rng, name, mixed))
    return stems


def _without_effects(index: int) -> dict[str, Any]:
    from keras_munet.studio import engine

    with mock.patch.object(engine.desk, "mix", _plain_mix):
        return engine.make_track(SEED, index, SECONDS)


def _by_two_singers(index: int) -> dict[str, Any]:
    from keras_munet.studio import engine
    from keras_munet.studio.singers import plan, sounds

    two = tuple(s for s in sounds.SINGERS if s.name in TWO_SINGERS)
    with mock.patch.object(plan, "roster", lambda pool: two):
        return engine.make_track(SEED, index, SECONDS)


ALTERED = {"no-effects": _without_effects, "two-singers": _by_two_singers}


def _write_altered(kind: str, folder: Path, index: int) -> None:
    target = folder / "train" / f"Song {index:03d}"
    if not target.is_dir():
        write_stems(target, ALTERED[kind](index))


def songs(kind: str, folder: Path) -> Path:
    """Returns the folder of the training songs, made where they are missing."""
    target = folder / ("songs" if kind == "studio" else f"songs-{kind}")
    if kind in ALTERED:
        (target / "train").mkdir(parents=True, exist_ok=True)
        write = functools.partial(_write_altered, kind, target)
        for _ in work.each(write, range(FEW), workers=work.n_cores()):
            pass
        return target
    n_tests = TESTS if kind == "studio" else 0  # all are scored on the studio's
    engine = STUDIO if kind == "studio" else PLAIN
    write_tracks(
        target, ALL, seconds=SECONDS, seed=SEED, n_test_tracks=n_tests, engine=engine
    )
    return target


def dataset(variant: Variant, folder: Path, config: FitConfig) -> Dataset:
    """Prepares a variant's songs and leaves out those that it must not hear."""
    from keras_munet.data.cache import prepare

    found = prepare(
        songs(variant.songs, folder),
        folder / f"cache-ablation-{variant.songs}",
        DataConfig(sources=SHOWN, stft=config.model.stft, n_channels=2),
    )
    if variant.n_songs is None:
        return found
    training = [shard for shard in found.shards if shard.split == "train"]
    others = [shard for shard in found.shards if shard.split != "train"]
    kept = (*training[: variant.n_songs], *others)
    return dataclasses.replace(found, shards=kept)


def small_config(variant: Variant, seed: int) -> FitConfig:
    """Returns the settings of a run, but for `epochs` of one pass over all songs."""
    path = Path(__file__).with_name("vocals.json")
    full = FitConfig.from_dict(json.loads(path.read_text(encoding="utf-8")))
    model = dataclasses.replace(
        full.model,
        stft=dataclasses.replace(full.model.stft, n_frames=N_FRAMES),
        unet=dataclasses.replace(full.model.unet, **{"depth": DEPTH, **variant.unet}),
    )
    settings = {"batch_size": BATCH, "epochs": 1, "seed": seed, **variant.fit}
    return dataclasses.replace(full, model=model, **settings)


def run(name: str, seed: int, folder: Path) -> dict[str, Any]:
    """Trains and scores one variant."""
    from keras_munet.cli.determinism import choose_operators
    from keras_munet.data.batches import CachedBatches
    from keras_munet.training.loop import fit

    variant = VARIANTS[name]
    config = small_config(variant, seed)
    choose_operators(config)
    data = CachedBatches(dataset(variant, folder, config), config)
    passes = max(1, round(STEPS * BATCH / data.n_training))
    config = dataclasses.replace(config, epochs=config.epochs * passes)
    result = fit(data, config, folder / "ablations" / f"{name}-seed{seed}")
    metrics = json.loads((result.folder / "metrics.json").read_text(encoding="utf-8"))
    return {
        "variant": name,
        "seed": seed,
        "config": config.to_dict(),
        "steps": config.epochs * data.steps_per_epoch,
        "seconds": metrics["seconds"],
        "history": result.history,
        "studio": _scores(result.folder, songs("studio", folder), "studio"),
        "excerpt": _scores(result.folder, excerpt(), "excerpt"),
    }


def _scores(model: Path, songs: Path, name: str) -> dict[str, Any]:
    path = model / f"report-{name}.json"
    evaluate_songs(model, SHOWN, songs, path)
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def write_report(out: Path) -> None:
    """Writes README.md from the rows that are there."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for name in VARIANTS:
        paths = sorted((out / "rows").glob(f"{name}-seed*.json"))
        if paths:
            rows[name] = [json.loads(path.read_text("utf-8")) for path in paths]
    lines = [
        "# What mattered",
        "",
        f"Small networks (depth {DEPTH}, chunks of 1.5 s, batches of {BATCH}, about "
        f"{STEPS:,} steps unless said otherwise, all else as in "
        "`recipes/vocals.json`), scored as `keras-munet evaluate` does: mean SDR in dB "
        "over the studio's test songs, and on the 6 s of MUSDB18, which are too little "
        "to rank anything. Differences are between runs of one seed, song by song, "
        "with the 95 % interval over songs.",
        "",
        *markdown_table(list(TITLES), _cells(rows)),
    ]
    with replacing(out / "README.md") as part:
        part.write_text("\n".join(lines), encoding="utf-8")


def _cells(rows: dict[str, list[dict[str, Any]]]) -> Iterator[list[str]]:
    for name, values in rows.items():
        for row in values:
            yield _row(name, row, rows)
    first = next(iter(rows.values()))[0]
    for row, title in ROW_TITLES.items():
        real = [_mean(first["excerpt"], source, row) for source in SHOWN]
        own = [_mean(first["studio"], source, row) for source in SHOWN]
        yield [title, "", *own, "", "", "", *real]


def _row(
    name: str, row: dict[str, Any], rows: dict[str, list[dict[str, Any]]]
) -> list[str]:
    variant = VARIANTS[name]
    base = [r for r in rows.get(variant.base, []) if r["seed"] == row["seed"]]
    against = [_difference(base[0], row, s) if base else "" for s in SHOWN]
    return [
        variant.title,
        str(row["seed"]),
        *(_mean(row["studio"], source) for source in SHOWN),
        variant.base if base else "",
        *against,
        *(_mean(row["excerpt"], source) for source in SHOWN),
    ]


def _report(values: dict[str, Any]) -> Report:
    return parse_report(values, "row")


def _mean(values: dict[str, Any], source: str, row: str = "estimates") -> str:
    return f"{_report(values).summary()[row][source]['sdr']['mean']:.2f}"


def _difference(base: dict[str, Any], row: dict[str, Any], source: str) -> str:
    reports = {"base": _report(base["studio"]), "row": _report(row["studio"])}
    found: Difference = next(
        d for d in compare(reports)[0].differences if d.source == source
    )
    return f"{found.mean:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"


def main() -> None:
    """Does what is missing, and writes the report after each row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of recipes/train.sh")
    parser.add_argument("out", type=Path, help="where rows and report go")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", default="1", help="comma-separated")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in options.only:
        for seed in map(int, options.seeds.split(",")):
            path = options.out / "rows" / f"{name}-seed{seed}.json"
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                write_json(path, run(name, seed, options.folder))
                write_report(options.out)
            print(f"{name}, seed {seed}: {path}", flush=True)
    write_report(options.out)


if __name__ == "__main__":
    main()
