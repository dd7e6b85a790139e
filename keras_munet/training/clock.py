"""A run that must end in time: its clock, and the rate that falls with it."""

from collections.abc import Sequence
from time import monotonic
from typing import Any

import keras

from keras_munet.config import FitConfig
from keras_munet.training.optimizer import cosine
from keras_munet.training.run_folder import Row

RENEWAL = 1 / 500
"""Share of the time after which the rate is set anew: JAX has to fetch its state."""


class Clock:
    """Counts the seconds of an epoch, and with those before it the run's share.

    Args:
        config: of the run; without `minutes` the share stays 0.
        history: the epochs before, with the seconds that each took.
    """

    def __init__(self, config: FitConfig, history: Sequence[Row]) -> None:
        self.budget_s = 60 * config.minutes
        self.before_s = sum(row["seconds"] for row in history)
        self.start = monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the epoch began."""
        return monotonic() - self.start

    @property
    def share(self) -> float:
        """Share of the run's time that has passed."""
        return (self.before_s + self.seconds) / self.budget_s if self.budget_s else 0.0


class ByTheClock(keras.callbacks.Callback):
    """Ends an epoch when the time is up; until then a cosine rate falls with it.

    Args:
        clock: of the epoch.
        config: of the run.
        first_step: number of the epoch's first step in the run.
        n_steps: of all epochs, should they end before the time does.
    """

    def __init__(
        self, clock: Clock, config: FitConfig, first_step: int, n_steps: int
    ) -> None:
        super().__init__()
        self.clock, self.config = clock, config
        self.first_step, self.n_steps = first_step, n_steps
        self.renewed = -RENEWAL

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Sets the rate, now and then."""
        share = max(self.clock.share, (self.first_step + batch) / self.n_steps)
        if self.config.schedule != "cosine" or share < self.renewed + RENEWAL:
            return
        self.renewed = share
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()
        rate = self.config.learning_rate * cosine(share + RENEWAL / 2)
        self.model.optimizer.learning_rate = rate

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Ends the epoch when the time is up."""
        if self.clock.share >= 1:
            self.model.stop_training = True
