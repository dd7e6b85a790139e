"""A run folder: whose it is, whether it is finished, and what lies in it."""

import csv
import dataclasses
import json
from pathlib import Path
from typing import Any

from keras_munet.config import FitConfig
from keras_munet.errors import MunetError
from keras_munet.files import replacing, sweep, write_json
from keras_munet.training.state import read_values

Row = dict[str, Any]


class RunFolder:
    """The files of one run, by name.

    Args:
        path: new, empty, or of an earlier start of the same run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model = path / "model.keras"
        self.tflite = path / "model.tflite"
        self.state = path / "state"
        self.tensorboard = path / "tensorboard"
        self._config = path / "config.json"
        self._metrics = path / "metrics.json"

    def claim(self, config: FitConfig) -> None:
        """Makes the folder that of `config`; its length alone may have changed.

        Raises:
            MunetError: when it holds something else, or a run of another config.
        """
        sweep(self.path)
        if not self._config.exists():
            if any(not path.name.startswith(".") for path in self.path.glob("*")):
                raise MunetError(
                    f"{self.path} is not empty and no run of keras-munet. "
                    "Choose another --run folder."
                )
            write_json(self._config, config.to_dict())
            return
        old = FitConfig.from_file(self._config)
        if _endless(old) != _endless(config):
            changes = differences(_endless(old).to_dict(), _endless(config).to_dict())
            raise MunetError(
                f"{self.path} holds a run with other settings ({changes}). Choose "
                "another --run folder, or the settings in its config.json."
            )
        if old != config:
            write_json(self._config, config.to_dict())

    def finished(self, config: FitConfig) -> tuple[str, list[Row]] | None:
        """Returns how a finished run ended, and its history; None if it goes on.

        A run that did all its epochs, or took all its minutes, goes on when `config`
        allows more of them.

        Raises:
            MunetError: when metrics.json or the state cannot be read.
        """
        if not self._metrics.exists():
            return None
        try:
            metrics = json.loads(self._metrics.read_text(encoding="utf-8"))
            note, n_epochs = metrics["note"], metrics["epochs"]
            all_done = n_epochs >= metrics["epochs_allowed"]
            seconds = metrics.get("seconds", 0)
            minutes = metrics.get("minutes_allowed", 0)
            time_is_up = minutes > 0 and seconds >= 60 * minutes
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MunetError(
                f"{self._metrics} cannot be read ({error!r}). Remove it: the same "
                "command goes on with the run, or says again that it is finished."
            ) from error
        more_time = not config.minutes or seconds < 60 * config.minutes
        if (all_done and n_epochs < config.epochs) or (time_is_up and more_time):
            self._metrics.unlink()
            return None
        return note, read_values(self.state)["history"]

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Marks the run as finished."""
        write_json(self._metrics, metrics)

    def write_history(self, history: list[Row]) -> None:
        """Writes `history.csv`, a row per epoch."""
        with (
            replacing(self.path / "history.csv") as part,
            part.open("w", newline="") as file,
        ):
            writer = csv.DictWriter(file, history[0].keys())
            writer.writeheader()
            writer.writerows(history)


def _endless(config: FitConfig) -> FitConfig:
    """Returns the config without how long the run may last.

    A cosine by the clock has other state than one by steps, so that stays a setting.
    """
    by_the_clock = float(config.schedule == "cosine" and config.minutes > 0)
    return dataclasses.replace(config, epochs=1, minutes=by_the_clock)


def as_begun(config: FitConfig, path: Path) -> FitConfig:
    """Returns `config` with what the version that began a run did not know of.

    Presets gain settings from version to version. A run folder that lacks one was made
    without it, and goes on without it.

    Args:
        config: as asked for now.
        path: of the run folder, which may not exist.
    """
    file = path / "config.json"
    if not file.is_file():
        return config
    old = FitConfig.from_file(file).model
    known = json.loads(file.read_text(encoding="utf-8")).get("model", {})
    added = {name: getattr(old, name) for name in vars(old) if name not in known}
    return dataclasses.replace(config, model=dataclasses.replace(config.model, **added))


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> str:
    """Names the settings that differ: `batch_size: 4, not 8`."""
    parts = []
    for name, value in old.items():
        if isinstance(value, dict):
            parts.append(differences(value, new[name], f"{prefix}{name}."))
        elif value != new[name]:
            parts.append(f"{prefix}{name}: {value}, not {new[name]}")
    return ", ".join(part for part in parts if part)
