"""BSS Eval v3 by `mir_eval`, the slow road: the one file that imports it.

`mir_eval.separation` is deprecated in 0.8 and gone in 0.9. It raises on silence;
here silence is handled as in `bss_eval`, so that the two can be exchanged.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_munet.errors import MissingExtraError
from keras_munet.evaluation.bss_eval import Scores
from keras_munet.extras import advising

Array = NDArray[np.floating]
_IMAGE_NAMES = ("sdr", "isr", "sir", "sar")


def mir_eval_scores(references: Array, estimates: Array) -> Scores:
    """Scores one set of estimates with `mir_eval`, without permutation.

    Args:
        references: `(K, samples)` or `(K, samples, channels)`.
        estimates: of the same shape.

    Returns:
        Scores of shape `(K,)`, NaN where reference or estimate is silent; `isr` for
        three axes only.

    Raises:
        MissingExtraError: where `mir_eval` is not installed, or a version without
            `separation`.
    """
    names = ("sdr", "sir", "sar") if references.ndim == 2 else _IMAGE_NAMES
    audible = np.array([bool(reference.any()) for reference in references])
    sounding = np.array([bool(estimate.any()) for estimate in estimates])
    values = np.full((len(names), len(references)), np.nan)
    if audible.any():
        # A silent estimate is scored as if perfect, and its scores are dropped.
        heard = sounding.reshape(-1, *(1,) * (references.ndim - 1))
        stand_in = np.where(heard, estimates, references)
        rows = _metric(references.ndim)(
            references[audible].astype(float), stand_in[audible].astype(float), False
        )
        values[:, audible] = rows[: len(names)]
    values[:, ~sounding] = np.nan
    found = dict(zip(names, values, strict=True))
    return Scores(found["sdr"], found["sir"], found["sar"], found.get("isr"))


def _metric(ndim: int) -> Callable[..., Any]:
    try:
        with advising("evaluate"):
            from mir_eval import separation
    except ImportError as error:
        raise MissingExtraError(
            "This installation's mir_eval has no `separation` module (removed in "
            "0.9). Use `--metric-backend fast`, or: pip install 'mir_eval<0.9'"
        ) from error
    name = "bss_eval_sources" if ndim == 2 else "bss_eval_images"
    decorated: Callable[..., Any] = getattr(separation, name)
    # Below the decorator that warns of the deprecation: a filter against it would be
    # all threads', and two that set and restore it leave it set.
    metric: Callable[..., Any] = getattr(decorated, "__wrapped__", decorated)
    return metric
