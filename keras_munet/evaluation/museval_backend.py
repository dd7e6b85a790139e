"""BSS Eval v4 by `museval` (extra `[museval]`): windows of 1 s, medians over them."""

import functools
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from keras_munet.evaluation.bss_eval import Scores
from keras_munet.extras import missing_extra

Array = NDArray[np.floating]


def museval_scores(references: Array, estimates: Array, *, sample_rate: int) -> Scores:
    """Scores one set of estimates as SiSEC 2018 did.

    One distortion filter per track, ratios in windows of 1 s without overlap; a
    window where any reference or estimate is silent does not count; the track's
    score is the median of its windows.

    Args:
        references: `(K, samples, channels)`.
        estimates: of the same shape.
        sample_rate: in Hz.

    Returns:
        Scores of shape `(K,)`, NaN where no window counts.

    Raises:
        MissingExtraError: when `museval` is not installed.
    """
    window = sample_rate
    silent = [not signal.any() for signal in (*references, *estimates)]
    if any(silent):
        nothing = np.full(len(references), np.nan)
        return Scores(sdr=nothing, sir=nothing, sar=nothing, isr=nothing)
    frames = _metrics().bss_eval(
        references, estimates, window=window, hop=window, compute_permutation=False
    )
    sdr, isr, sir, sar = (_medians(values) for values in frames[:4])
    return Scores(sdr=sdr, sir=sir, sar=sar, isr=isr)


def _medians(values: Array) -> Array:
    """Returns the median of each row's windows that count; NaN where none does."""
    counting = [row[~np.isnan(row)] for row in values]
    return np.array([np.median(row) if len(row) else np.nan for row in counting])


@functools.cache
def _metrics() -> ModuleType:
    """Loads `museval/metrics.py` alone: the package needs ffmpeg on the path."""
    package = importlib.util.find_spec("museval")
    if package is None or package.origin is None:
        raise missing_extra("museval")
    path = Path(package.origin).with_name("metrics.py")
    spec = importlib.util.spec_from_file_location("_museval_metrics", path)
    if spec is None or spec.loader is None:
        raise missing_extra("museval")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
