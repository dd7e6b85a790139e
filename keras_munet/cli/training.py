"""What `fit`, `demo` and `reproduce` show while a network trains."""

from pathlib import Path
from typing import Any

import click
import keras
import rich.console
import rich.progress

from keras_munet.cli.determinism import choose_operators
from keras_munet.cli.options import PLAIN
from keras_munet.config import ENSEMBLE_NAME, FitConfig
from keras_munet.data.batches import CachedBatches
from keras_munet.data.cache import Dataset
from keras_munet.data.device import DeviceBatches
from keras_munet.files import write_json
from keras_munet.models import load_model
from keras_munet.training.dedicated import dedicated_configs
from keras_munet.training.loop import FitResult, Listener, fit


def train(
    dataset: Dataset,
    config: FitConfig,
    folder: Path,
    *,
    all_sources: tuple[str, ...] = (),
    on_device: bool = False,
    init: Path | None = None,
    tflite: bool = True,
    quiet: bool = False,
) -> None:
    """Trains one network, or a dedicated one per source, and says how it went."""
    settings: dict[str, Any] = {"init": init, "tflite": tflite, "quiet": quiet}
    if not all_sources:
        train_one(dataset, config, folder, on_device=on_device, **settings)
        return
    models = {}
    for source, dedicated in dedicated_configs(config, all_sources).items():
        if not quiet:
            click.echo(f"Dedicated network for {source}", err=True)
        place = folder / source
        train_one(dataset, dedicated, place, on_device=on_device, **settings)
        models[source] = source
    write_json(folder / ENSEMBLE_NAME, {"models": models})


def train_one(
    dataset: Dataset,
    config: FitConfig,
    folder: Path,
    *,
    on_device: bool = False,
    init: Path | None = None,
    tflite: bool,
    quiet: bool,
) -> FitResult:
    """Trains one network and leaves its .tflite beside the .keras."""
    choose_operators(config)
    data = (DeviceBatches if on_device else CachedBatches)(dataset, config)
    start_from = load_model(init)[0] if init else None
    with _Display(config, quiet) as display:
        result = fit(
            data, config, folder, listener=display.listener, start_from=start_from
        )
    if tflite and not (folder / "model.tflite").exists():
        _export(folder, quiet)
    if not quiet:
        click.echo(_summary(result))
    return result


def _export(folder: Path, quiet: bool) -> None:
    if keras.backend.backend() != "tensorflow":
        if not quiet:
            place = folder / "model.tflite"
            text = f"For {place}, with TensorFlow:  keras-munet export tflite {folder}"
            click.echo(f"{text} {place}", err=True)
        return
    from keras_munet.export.tflite import export_tflite

    network, config = load_model(folder / "model.keras")
    export_tflite(network, config, folder / "model.tflite")


def _summary(result: FitResult) -> str:
    best = min(result.history, key=lambda row: row["val_loss"])
    state = "Finished before" if result.already_finished else "Finished"
    curves = result.folder / "tensorboard"
    seen = f"tensorboard --logdir {curves}" if curves.is_dir() else "history.csv there"
    return (
        f"{state}: {result.note}. Best validation sum {best['val_loss']:.4f} in epoch "
        f"{best['epoch']}.\nModel: {result.folder / 'model.keras'}\nCurves: {seen}"
    )


class _Display:
    """A bar per epoch with the running losses, and a line when an epoch is done."""

    def __init__(self, config: FitConfig, quiet: bool) -> None:
        self.config, self.quiet = config, quiet
        console = rich.console.Console(stderr=True, **PLAIN)
        self.bar = rich.progress.Progress(
            rich.progress.TextColumn("{task.description}", markup=False),
            rich.progress.BarColumn(),
            rich.progress.MofNCompleteColumn(),
            rich.progress.TimeRemainingColumn(),
            rich.progress.TextColumn("{task.fields[losses]}", markup=False),
            console=console,
            disable=quiet or not console.is_terminal,
            transient=True,
        )
        self.task = self.bar.add_task("epoch", total=None, losses="")
        self.listener = Listener(step=self._step, epoch=self._epoch)

    def __enter__(self) -> "_Display":
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def _step(
        self, epoch: int, step: int, n_steps: int, means: dict[str, float]
    ) -> None:
        self.bar.update(
            self.task,
            description=f"epoch {epoch}/{self.config.epochs}",
            completed=step,
            total=n_steps or None,
            losses=_values(means, "loss_"),
        )

    def _epoch(self, row: dict[str, Any]) -> None:
        if self.quiet:
            return
        click.echo(
            f"epoch {row['epoch']}/{self.config.epochs}  {row['seconds']:.0f} s  "
            f"loss {row['loss']:.4f}  validation {row['val_loss']:.4f} "
            f"({_values(row, 'val_loss_')})  weights {_values(row, 'weight_')}",
            err=True,
        )


def _values(row: dict[str, Any], prefix: str) -> str:
    names = [name for name in row if name.startswith(prefix)]
    return "  ".join(f"{name.removeprefix(prefix)} {row[name]:.3f}" for name in names)
