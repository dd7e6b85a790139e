"""The two per-source losses of the paper, and a squared one, on warped magnitudes."""

from collections.abc import Callable
from typing import Any

from keras import ops

from keras_munet.dsp import MASK_LIMIT

SourceLoss = Callable[[Any, Any, Any], Any]


def ideal_amplitude_masks(sources: Any, mixture: Any) -> Any:
    """Returns min(S_i / S_mix, 10); zero where both are zero.

    Args:
        sources: magnitudes, `(batch, rows, frames, K)`.
        mixture: magnitudes, `(batch, rows, frames, 1)`.

    Reference:
        Kadandale et al. 2020, eq. (2).
    """
    return ops.minimum(sources / ops.maximum(mixture, 1e-12), MASK_LIMIT)


def _mean_per_source(error: Any) -> Any:
    return ops.mean(ops.abs(error), axis=(0, 1, 2))


def direct_loss(masks: Any, sources: Any, mixture: Any) -> Any:
    """Returns the L1 distance of masks from the ideal ones, mean over bins, `(K,)`.

    Args:
        masks: estimates, `(batch, rows, frames, K)`.
        sources: magnitudes, the same shape.
        mixture: magnitudes, `(batch, rows, frames, 1)`.

    Reference:
        Kadandale et al. 2020, eq. (3).
    """
    return _mean_per_source(ideal_amplitude_masks(sources, mixture) - masks)


def indirect_loss(masks: Any, sources: Any, mixture: Any) -> Any:
    """Returns the L1 distance of masked mixture and source, mean over bins, `(K,)`.

    Args:
        masks: estimates, `(batch, rows, frames, K)`.
        sources: magnitudes, the same shape.
        mixture: magnitudes, `(batch, rows, frames, 1)`.

    Reference:
        Kadandale et al. 2020, eq. (4).
    """
    return _mean_per_source(sources - masks * mixture)


def energy_loss(masks: Any, sources: Any, mixture: Any) -> Any:
    """Returns the energy of the indirect loss's error, as a share of the mixture's.

    The L1 losses ask for the median of what a mask could be, which is near zero for a
    quiet source wherever the network is not sure. This one asks for the mean, and
    counts every example alike, however loud: what SDR counts, too. `(K,)`.

    Args:
        masks: estimates, `(batch, rows, frames, K)`.
        sources: magnitudes, the same shape.
        mixture: magnitudes, `(batch, rows, frames, 1)`.
    """
    errors = ops.mean(ops.square(sources - masks * mixture), axis=(1, 2))
    whole = ops.mean(ops.square(mixture), axis=(1, 2))  # (batch, 1)
    return ops.mean(errors / ops.maximum(whole, 1e-12), axis=0)


SOURCE_LOSSES: dict[str, SourceLoss] = {
    "direct": direct_loss,
    "indirect": indirect_loss,
    "energy": energy_loss,
}
