"""The loss weightings of the paper: each a small class, w_i of eq. (1)."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_munet import dsp
from keras_munet.errors import DataError

ENERGY_FLOOR = 1.0
"""Lower bound of a batch's energies in eq. (7): a source quieter than what counts
as silent gets no larger weight than a silent one."""


def batch_energies(sources: Any) -> Any:
    """Returns `dsp.energy` of each source, mean over the batch, `(K,)`.

    Args:
        sources: waveforms, `(batch, samples, K)`.
    """
    return dsp.ENERGY_SAMPLES * ops.mean(ops.square(sources), axis=(0, 1))


class Weighting:
    """Gives the weights of a batch; `unit` weighting as it stands.

    Args:
        n_sources: K.
        normalize: rescale the weights to the sum K.
        energies: E_i over the training set (`dsp.energy`), for those that need it.

    Raises:
        DataError: when energies are needed and one of them is not positive.
    """

    needs_energies = False

    def __init__(
        self,
        n_sources: int,
        *,
        normalize: bool = False,
        energies: Sequence[float] | None = None,
    ) -> None:
        self.n_sources = n_sources
        self.normalize = normalize
        self.energies = np.asarray(energies if energies is not None else [], float)
        if self.needs_energies and (
            self.energies.shape != (n_sources,) or not np.all(self.energies > 0)
        ):
            raise DataError(
                f"This weighting needs a positive energy for each of {n_sources} "
                f"sources. Received: {self.energies.tolist()}. A source that is "
                "silent in the whole training set cannot be weighted by its energy."
            )
        self.variable = keras.Variable(
            self.start(), trainable=False, dtype="float32", name="loss_weights"
        )

    def start(self) -> np.ndarray:
        """Returns the weights of the first epoch, `(K,)`."""
        return np.ones(self.n_sources)

    def __call__(self, sources: Any) -> Any:
        """Returns the weights for a batch.

        Args:
            sources: waveforms, `(batch, samples, K)`.

        Returns:
            `(K,)`, without gradient.
        """
        return self._scaled(ops.convert_to_tensor(self.variable))

    def _scaled(self, weights: Any) -> Any:
        if not self.normalize:
            return weights
        return weights * (self.n_sources / ops.sum(weights))

    def end_epoch(self, losses: Sequence[float]) -> None:
        """Takes the epoch's mean training loss of each source."""

    def state(self) -> dict[str, Any]:
        """Returns what a resumed run must restore, as JSON values."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""


class DynamicWeightAverage(Weighting):
    """DWA: sources whose loss falls slowly get more weight.

    Weights are 1 for the first two epochs. Temperature T = 2.

    Reference:
        Liu et al. 2019; Kadandale et al. 2020, eq. (5).
    """

    temperature = 2.0

    def __init__(self, n_sources: int, **settings: Any) -> None:
        super().__init__(n_sources, **settings)
        self.losses: list[list[float]] = []

    def end_epoch(self, losses: Sequence[float]) -> None:
        """Derives the next epoch's weights from the last two epochs' losses."""
        self.losses = [*self.losses, [float(loss) for loss in losses]][-2:]
        if len(self.losses) == 2:
            before, last = np.asarray(self.losses)
            rates = last / np.maximum(before, 1e-12)
            shares = np.exp((rates - rates.max()) / self.temperature)
            self.variable.assign(self.n_sources * shares / shares.sum())

    def state(self) -> dict[str, Any]:
        """Returns the remembered losses and the weights."""
        weights = ops.convert_to_numpy(self.variable).tolist()
        return {"losses": self.losses, "weights": weights}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""
        self.losses = state["losses"]
        self.variable.assign(state["weights"])


class EnergyBasedP1(Weighting):
    """EBW_P1: max_j E_j / E_i, constant.

    Reference:
        Kadandale et al. 2020, eq. (6).
    """

    needs_energies = True
    power = 1

    def start(self) -> np.ndarray:
        """Returns the constant weights."""
        weights: np.ndarray = (self.energies.max() / self.energies) ** self.power
        return weights


class EnergyBasedP2(EnergyBasedP1):
    """EBW_P2: max_j E_j^2 / E_i^2, constant.

    Reference:
        Kadandale et al. 2020, eq. (8).
    """

    power = 2


class EnergyBasedInstantP1(Weighting):
    """EBW_InstP1: as EBW_P1, with the energies of the batch.

    Energies are bounded from below by `ENERGY_FLOOR`, or one nearly silent source
    would take the whole batch.

    Reference:
        Kadandale et al. 2020, eq. (7).
    """

    def __call__(self, sources: Any) -> Any:
        """Returns the weights of this batch."""
        energies = ops.maximum(batch_energies(sources), ENERGY_FLOOR)
        return ops.stop_gradient(self._scaled(ops.max(energies) / energies))


class OhEtAl(Weighting):
    """w_i E_i equal for all sources, weights of sum 1.

    Reference:
        Oh et al. 2018; Kadandale et al. 2020, eqs. (9) and (10).
    """

    needs_energies = True

    def start(self) -> np.ndarray:
        """Returns the constant weights."""
        inverse = 1.0 / self.energies
        weights: np.ndarray = inverse / inverse.sum()
        return weights


WEIGHTING_CLASSES: dict[str, type[Weighting]] = {
    "unit": Weighting,
    "dwa": DynamicWeightAverage,
    "ebw-p1": EnergyBasedP1,
    "ebw-inst-p1": EnergyBasedInstantP1,
    "ebw-p2": EnergyBasedP2,
    "oh": OhEtAl,
}
