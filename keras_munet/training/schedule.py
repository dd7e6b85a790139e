"""What the validation sum decides: a lower rate, the end, the best checkpoint."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from keras_munet.config import FitConfig


@dataclass
class Schedule:
    """Plateau, early stopping and best checkpoint, all led by one number.

    That number is the unweighted validation sum of the sources' losses. The counts
    are as in torch's `ReduceLROnPlateau` with a relative threshold, which the
    authors use.

    Attributes:
        best: lowest validation sum so far.
        best_epoch: when that was.
        reference: lowest value that the plateau has accepted as progress.
        n_bad: epochs since then.
    """

    best: float = math.inf
    best_epoch: int = -1
    reference: float = math.inf
    n_bad: int = 0

    def update(self, epoch: int, value: float, config: FitConfig) -> float:
        """Takes an epoch's validation sum.

        Returns:
            What the learning rate must be multiplied with: 1 or `plateau_factor`.
        """
        if value < self.best:
            self.best, self.best_epoch = value, epoch
        if value < self.reference * (1 - config.plateau_threshold):
            self.reference, self.n_bad = value, 0
            return 1.0
        self.n_bad += 1
        if self.n_bad > config.plateau_patience:
            self.n_bad = 0
            return config.plateau_factor
        return 1.0

    def stops(self, epoch: int, config: FitConfig) -> bool:
        """Tells whether the best epoch lies `stop_patience` epochs back."""
        return epoch - self.best_epoch >= config.stop_patience

    def state(self) -> dict[str, Any]:
        """Returns the counts as JSON values."""
        return asdict(self)
