"""One row of a table: trained, scored, and written down, once.

OUT/data/          generated songs, where no data set was given
OUT/cache-2src/    what `prepare` makes of the data, per setting
OUT/runs/NAME/     the run folder(s): large, needed only until the row is done
OUT/rows/NAME.json scores of every track and costs: small, and all that reports need
"""

import concurrent.futures
import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_munet.config import ENSEMBLE_NAME, DataConfig, FitConfig
from keras_munet.errors import DataError, MunetError
from keras_munet.evaluation.report import parse_report
from keras_munet.files import write_json
from keras_munet.reproduction.experiments import Row
from keras_munet.reproduction.scales import Scale


@dataclass(frozen=True)
class Workshop:
    """Where a reproduction takes place.

    Attributes:
        out: its folder.
        data: a data set; None for generated songs.
        scale: sizes.
        isolate: a process per row, so that memory is measured and freed row by row.
        start: called first in each such process.
        tell: called with lines about what happens.
    """

    out: Path
    data: Path | None
    scale: Scale
    isolate: bool = True
    start: Callable[[], object] | None = None
    tell: Callable[[str], None] = lambda line: None

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function of a module, in a fresh process if so chosen."""
        if not self.isolate:
            return function(*arguments)
        pool = concurrent.futures.ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), self.start
        )
        with pool:
            return pool.submit(function, *arguments).result()

    def source(self) -> Path:
        """Returns the data set; generates it where there is none.

        Raises:
            DataError: when the scale needs a real one.
        """
        if self.data is not None:
            return self.data
        scale = self.scale
        if not scale.n_tracks:
            raise DataError(
                f"The scale {scale.name!r} needs MUSDB18: give its folder with --data."
            )
        from keras_munet.music.collection import write_tracks

        folder = self.out / "data"
        write_tracks(
            folder,
            scale.n_tracks,
            seconds=scale.seconds,
            seed=0,
            n_test_tracks=scale.n_test_tracks,
        )
        return folder

    def cache(self, row: Row) -> Path:
        """Prepares the cache of a setting, or finds it, and returns its folder."""
        from keras_munet.data.cache import prepare

        folder = self.out / f"cache-{len(row.sources)}src"
        if not (folder / "dataset.json").is_file():
            self.tell(f"Preparing {folder}")
        stft = self.scale.config(row, 0).model.stft
        prepare(self.source(), folder, DataConfig(sources=row.sources, stft=stft))
        return folder


def run_name(row: Row, seed: int) -> str:
    """Returns the name of a run and of its file."""
    return f"{row.name}-seed{seed}"


def done_seeds(workshop: Workshop, row: Row) -> list[int]:
    """Returns the seeds with which a row is done."""
    paths = (workshop.out / "rows").glob(f"{row.name}-seed*.json")
    names = [path.stem.rpartition("-seed")[2] for path in paths]
    return sorted(int(name) for name in names if name.isdigit())


def reproduce_row(workshop: Workshop, row: Row, seed: int) -> dict[str, Any]:
    """Returns a row's values; trains and scores it if that was not done before.

    Raises:
        DataError: when the row was done with other settings.
        MunetError: when training or scoring fails.
    """
    path = workshop.out / "rows" / f"{run_name(row, seed)}.json"
    config = workshop.scale.config(row, seed)
    if path.exists():
        return _read(path, config)
    folder = workshop.out / "runs" / run_name(row, seed)
    workshop.tell(f"Training {row.title}, {len(row.sources)} sources, seed {seed}")
    job = (workshop.cache(row), workshop.source(), folder, row, config)
    values: dict[str, Any] = workshop.call(_train_and_score, *job)
    write_json(path, values)
    return values


def _read(path: Path, config: FitConfig) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        done = FitConfig.from_dict(values["config"])
        parse_report(values["report"], "its report")
        _ = values["costs"]["history"]
    except (OSError, ValueError, KeyError, TypeError, MunetError) as error:
        raise DataError(
            f"{path} is damaged ({error}). Remove it and run again."
        ) from error
    if done != config:
        raise DataError(
            f"{path} was made with other settings. Choose another --out, or remove it."
        )
    return values


def _train_and_score(
    cache: Path, source: Path, folder: Path, row: Row, config: FitConfig
) -> dict[str, Any]:
    """Trains one network, or one per source, and scores the test songs."""
    from keras_munet.data.cache import open_dataset
    from keras_munet.evaluation.evaluate import evaluate
    from keras_munet.evaluation.selection import choose_setting, select_tracks
    from keras_munet.reproduction.sheets import draw_sheets

    dataset = open_dataset(cache)
    if row.architecture == "dedicated":
        costs = _train_dedicated(dataset, config, folder)
    else:
        costs = _train(dataset, config, folder)
    tracks = select_tracks(source, DataConfig(sources=row.sources))
    setting, estimator = choose_setting(tracks, model=folder, oracle=True)
    start = time.monotonic()
    report = evaluate(tracks, setting, estimator, folder / "report.json")
    if report.failed:
        name, why = next(iter(report.failed.items()))
        raise DataError(f"{name} could not be scored: {why}")
    draw_sheets(estimator, tracks[0], folder)
    return {
        "row": row.name,
        "title": row.title,
        "config": config.to_dict(),
        "costs": {
            **costs,
            "scoring_s": round(time.monotonic() - start, 1),
            "peak_memory_mb": _peak_memory_mb(),
        },
        "energies": dataset.energies,
        "report": json.loads((folder / "report.json").read_text(encoding="utf-8")),
    }


def _train(dataset: Any, config: FitConfig, folder: Path) -> dict[str, Any]:
    """Trains one network and returns what it cost."""
    from keras_munet.data.batches import CachedBatches
    from keras_munet.training.loop import fit

    data = CachedBatches(dataset, config)
    result = fit(data, config, folder)
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return {
        "parameters": metrics["n_parameters"],
        "samples_per_epoch": data.n_training,
        "passes_per_epoch": data.n_training * config.model.n_passes,
        "epochs": metrics["epochs"],
        "training_s": metrics["seconds"],
        "history": result.history,
    }


def _train_dedicated(dataset: Any, config: FitConfig, folder: Path) -> dict[str, Any]:
    """Trains one network per source and adds up what they cost."""
    from keras_munet.training.dedicated import dedicated_configs

    costs = {}
    for source, dedicated in dedicated_configs(config, config.model.sources).items():
        costs[source] = _train(dataset, dedicated, folder / source)
    write_json(folder / ENSEMBLE_NAME, {"models": {source: source for source in costs}})
    total: dict[str, Any] = {
        key: sum(cost[key] for cost in costs.values())
        for key in ("parameters", "passes_per_epoch", "training_s")
    }
    first = next(iter(costs.values()))
    return {
        **total,
        "samples_per_epoch": first["samples_per_epoch"],
        "epochs": max(cost["epochs"] for cost in costs.values()),
        "history": [],
    }


def _peak_memory_mb() -> int | None:
    """Returns the largest resident size of this process so far, where it is told."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return round(peak / 1024**2)


__all__ = ["Workshop", "done_seeds", "reproduce_row", "run_name"]
