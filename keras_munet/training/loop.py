"""`fit`: a run from a data set and a config, resumed exactly wherever it stopped."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_munet.config import FitConfig
from keras_munet.errors import DataError, MunetError
from keras_munet.files import locked, remove
from keras_munet.layers.normalization import with_fused_normalization
from keras_munet.models import build_network, save_model
from keras_munet.models.precision import dtype_policy, in_float32
from keras_munet.training.backend import check_backend
from keras_munet.training.clock import ByTheClock, Clock
from keras_munet.training.data import TrainingData
from keras_munet.training.energies import warped_energies
from keras_munet.training.feed import fed
from keras_munet.training.losses import SOURCE_LOSSES
from keras_munet.training.multitask import ConditionedModel, MultiTaskModel
from keras_munet.training.optimizer import copy_weights, make_optimizer
from keras_munet.training.run_folder import Row, RunFolder
from keras_munet.training.schedule import Schedule
from keras_munet.training.seeding import seeded
from keras_munet.training.state import load_state, save_state
from keras_munet.training.summaries import Summaries
from keras_munet.training.weighting import WEIGHTING_CLASSES, Weighting

log = logging.getLogger(__name__)

DEAD_MASK = 1e-4
"""Mean of a mask over a validation pass below which it counts as dead."""


@dataclass(frozen=True)
class Listener:
    """What a run tells while it goes on; every part may be left out.

    Attributes:
        step: called with (epoch, step, n_steps, running means).
        epoch: called with each row of the history.
    """

    step: Callable[[int, int, int, dict[str, float]], None] | None = None
    epoch: Callable[[Row], None] | None = None


@dataclass(frozen=True)
class FitResult:
    """How a run stands: `history` has a row per epoch, `note` says how it ended."""

    folder: Path
    history: list[Row]
    note: str
    already_finished: bool = False


def fit(
    data: TrainingData,
    config: FitConfig,
    folder: str | Path,
    *,
    listener: Listener | None = None,
    start_from: keras.Model | None = None,
) -> FitResult:
    """Trains, or goes on training, the run in `folder`.

    A run killed at any instant and started again with the same arguments ends with
    the same weights as one never stopped (same seed, CPU, deterministic operators):
    optimizer, weighting, schedule, dropout state and data order are all restored.
    Deterministic operators are the process's: call
    `tf.config.experimental.enable_op_determinism()` first, as the command line does
    where `config.deterministic` is set.

    Args:
        data: the batches.
        config: of the run; a folder of another config is refused, except that
            `epochs` and `minutes` may change.
        folder: the run folder (config.json, history.csv, model.keras, state/,
            tensorboard/, metrics.json).
        listener: told of progress.
        start_from: a network whose weights a new run begins with, layer by layer
            where shapes agree (see `copy_weights`).

    Raises:
        MunetError: another config, another process in the folder, a damaged state,
            or a loss that became NaN.
        DataError: no training or validation chunks, or fewer than a batch.
    """
    check_backend()
    files = RunFolder(Path(folder))
    with locked(files.path, f"Another process is training in {folder}."):
        files.claim(config)
        finished = files.finished(config)
        if finished is not None:
            note, history = finished
            return FitResult(files.path, history, note, already_finished=True)
        if data.n_training < config.batch_size:
            raise DataError(
                f"A batch of {config.batch_size} is larger than the training set of "
                f"{data.n_training} chunks. Use a smaller --batch-size, more tracks, "
                "or --keep-silent."
            )
        with dtype_policy(config.precision):
            run = _Run(data, config, files, listener or Listener(), start_from)
            note = run.train()
        return FitResult(files.path, run.history, note)


class _Run:
    """The parts of one run while it goes on."""

    def __init__(
        self,
        data: TrainingData,
        config: FitConfig,
        files: RunFolder,
        listener: Listener,
        start_from: keras.Model | None,
    ) -> None:
        self.data, self.config, self.files = data, config, files
        self.listener = listener
        self.schedule = Schedule()
        self.history: list[Row] = []
        self.model = self._build(start_from)

    def _build(self, start_from: keras.Model | None) -> MultiTaskModel:
        config = self.config
        with seeded(config.seed):
            network = with_fused_normalization(build_network(config.model))
        if start_from is not None:
            copy_weights(start_from, network)
        conditioned = config.model.unet.architecture == "cunet"
        kind = ConditionedModel if conditioned else MultiTaskModel
        model = kind(
            network,
            config.model,
            source_loss=SOURCE_LOSSES[config.loss],
            weighting=self._weighting(),
        )
        on_jax = keras.backend.backend() == "jax"  # which compiles whatever it is told
        model.compile(
            make_optimizer(config, self.data.steps_per_epoch),
            jit_compile=on_jax or config.jit,
        )
        model.optimizer.build(model.trainable_variables)
        return model

    def _weighting(self) -> Weighting:
        config = self.config
        measured = self.data.energies
        if config.energies == "warped":
            measured = warped_energies(self.data, config)
        return WEIGHTING_CLASSES[config.weighting](
            config.model.n_losses,
            normalize=config.normalize,
            energies=[measured[name] for name in config.model.sources],
        )

    def _variables(self) -> list[keras.Variable]:
        """All that a step changes: weights, statistics, dropout, optimizer."""
        return [*self.model.network.variables, *self.model.optimizer.variables]

    def _restore(self) -> int:
        values = load_state(self.files.state, self._variables())
        if values is None:
            return 0
        self.schedule = Schedule(**values["schedule"])
        self.model.weighting.restore(values["weighting"])
        self.history = values["history"]
        log.info("Going on after epoch %d.", values["epoch"])
        return int(values["epoch"])

    def train(self) -> str:
        """Trains from where the run stands to its end; returns how it ended."""
        epoch = self._restore()
        example = self._example()
        with Summaries(self.files.tensorboard, self.config.model, example) as summaries:
            note = self._train_epochs(epoch, summaries)
        self.files.write_metrics(self._metrics(note))
        return note

    def _train_epochs(self, epoch: int, summaries: Summaries) -> str:
        while epoch < self.config.epochs:
            if Clock(self.config, self.history).share >= 1:
                return f"stopped by the clock after {self.config.minutes:g} minutes"
            if epoch and self.schedule.stops(epoch - 1, self.config):
                patience = self.config.stop_patience
                return f"stopped early: no progress for {patience} epochs"
            row = self._train_epoch(epoch)
            epoch += 1
            self._save(epoch, row)
            summaries.write(self.model.network, row)
            if self.listener.epoch:
                self.listener.epoch(row)
        return f"all {self.config.epochs} epochs done"

    def _example(self) -> np.ndarray:
        batches = self.data.batches("valid", epoch=0, config=self.config)
        for batch in batches:
            example: np.ndarray = np.asarray(batch[0])
            return example
        raise DataError(
            "There is no validation chunk. Give `prepare` at least two training "
            "tracks, or a larger --validation-share."
        )

    def _train_epoch(self, epoch: int) -> Row:
        clock = Clock(self.config, self.history)
        training = self.data.batches("train", epoch=epoch, config=self.config)
        names = self.model.result_names(training=True)
        steps = _Steps(epoch, len(training), names, self.listener)
        self.model.fit(
            fed(training),
            steps_per_epoch=len(training),
            verbose=0,
            shuffle=False,
            callbacks=[steps, *self._by_the_clock(clock, epoch, len(training))],
        )
        means, scores = steps.means, self._scores()
        tasks = self.model.task_names(self.config.model)
        self.model.weighting.end_epoch([means[f"loss_{name}"] for name in tasks])
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        factor = self.schedule.update(epoch, scores["loss"], self.config)
        if factor != 1 and self.config.schedule == "plateau":
            self.model.optimizer.learning_rate = rate * factor
        _watch_masks(scores, self.config.model.sources)
        return {
            "epoch": epoch + 1,
            "seconds": round(clock.seconds, 2),
            "learning_rate": rate,
            **means,
            **{f"val_{name}": value for name, value in scores.items()},
        }

    def _by_the_clock(self, clock: Clock, epoch: int, n: int) -> list[ByTheClock]:
        config = self.config
        if not config.minutes:
            return []
        return [ByTheClock(clock, config, epoch * n, config.epochs * n)]

    def _scores(self) -> dict[str, float]:
        """Returns the results of a validation pass."""
        batches = self.data.batches("valid", epoch=0, config=self.config)
        scores = self.model.evaluate(
            fed(batches), steps=len(batches), return_dict=True, verbose=0
        )
        return {name: scores[name] for name in self.model.result_names(training=False)}

    def _save(self, epoch: int, row: Row) -> None:
        """Makes the epoch's result durable; state.json comes last and decides."""
        self.history = [*self.history, row]
        if self.schedule.best_epoch == epoch - 1:
            model = self.config.model
            remove(self.files.tflite)  # it would be of an older network
            save_model(in_float32(self.model.network, model), model, self.files.model)
        values = {
            "schedule": self.schedule.state(),
            "weighting": self.model.weighting.state(),
            "history": self.history,
        }
        self.files.write_history(self.history)
        save_state(self.files.state, epoch, self._variables(), values)

    def _metrics(self, note: str) -> dict[str, Any]:
        return {
            "note": note,
            "epochs": len(self.history),
            "epochs_allowed": self.config.epochs,
            "minutes_allowed": self.config.minutes,
            "best_epoch": self.schedule.best_epoch + 1,
            "best_validation_sum": self.schedule.best,
            "seconds": round(sum(row["seconds"] for row in self.history), 1),
            "n_parameters": sum(
                math.prod(v.shape) for v in self.model.trainable_variables
            ),
        }


class _Steps(keras.callbacks.Callback):
    """Reports every step, keeps the epoch's means, and stops at a NaN."""

    def __init__(
        self, epoch: int, n_steps: int, names: list[str], listener: Listener
    ) -> None:
        super().__init__()
        self.number, self.n_steps, self.names = epoch, n_steps, names
        self.listener = listener
        self.means: dict[str, float] = {}

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.means = {name: float(logs[name]) for name in self.names}
        if not math.isfinite(self.means["loss"]):
            raise MunetError(
                f"The loss became {self.means['loss']} in epoch {self.number + 1}, "
                f"step {batch + 1}. The best model and the state of the epoch before "
                "are kept. Try a lower --learning-rate or --clip-norm 5 in a new run."
            )
        if self.listener.step:
            self.listener.step(self.number + 1, batch + 1, self.n_steps, self.means)


def _watch_masks(scores: dict[str, float], sources: tuple[str, ...]) -> None:
    for source in sources:
        if scores[f"mask_{source}"] < DEAD_MASK:
            log.warning(
                "The mask of %s is zero almost everywhere: its ReLU may be dead and "
                "will not come back. Start anew with --output-bias 0.5 or a lower "
                "--learning-rate.",
                source,
            )
