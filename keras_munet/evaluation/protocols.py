"""What is compared with what: the three protocols, and the one function that scores."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keras_munet.config import _choice
from keras_munet.evaluation.bss_eval import Scores, bss_eval, bss_eval_images
from keras_munet.evaluation.mir_eval_backend import mir_eval_scores
from keras_munet.evaluation.museval_backend import museval_scores

Array = NDArray[np.floating]
BACKENDS = ("fast", "mir_eval")


@dataclass(frozen=True)
class Protocol:
    """One way to score a track.

    Attributes:
        name: as on the command line.
        metrics: names of the ratios in dB; the first is the headline.
        mono: True where everything is mixed down and taken to the model's rate.
        text: the protocol in one sentence, stored in every report.
    """

    name: str
    metrics: tuple[str, ...]
    mono: bool
    text: str


_STEREO = ("sdr", "isr", "sir", "sar")
PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "paper",
            ("sdr", "sir", "sar"),
            True,
            "BSS Eval v3 (sources), mono, at the model's rate, whole track, no "
            "permutation; masks as the network gives them",
        ),
        Protocol(
            "full-band",
            _STEREO,
            False,
            "BSS Eval v3 (images), all channels, at the track's rate, whole track, "
            "no permutation",
        ),
        Protocol(
            "museval",
            _STEREO,
            False,
            "BSS Eval v4 (museval), all channels, at the track's rate, windows of "
            "1 s without overlap, median over windows",
        ),
    )
}


def score(
    protocol: Protocol,
    references: Array,
    sets: list[Array],
    *,
    sample_rate: int,
    backend: str = "fast",
) -> tuple[list[dict[str, Array]], bool]:
    """Scores several sets of estimates against the references of one track.

    Args:
        protocol: one of `PROTOCOLS`.
        references: `(K, samples, channels)`; one channel for a mono protocol.
        sets: estimates, each of the shape of `references`.
        sample_rate: of all signals, in Hz.
        backend: `fast` or `mir_eval`; `museval` has only its own.

    Returns:
        Per set a dict metric -> `(K,)` in dB, NaN where nothing can be scored; and
        whether the references are linearly dependent.
    """
    _choice("backend", backend, BACKENDS)
    if protocol.mono:
        references, sets = references[..., 0], [signals[..., 0] for signals in sets]
    if protocol.name == "museval":
        found = [museval_scores(references, x, sample_rate=sample_rate) for x in sets]
    elif backend == "mir_eval":
        found = [mir_eval_scores(references, x) for x in sets]
    else:
        metric = bss_eval if protocol.mono else bss_eval_images
        return _split(metric(references, sets), protocol, len(sets))
    return [_named(scores, protocol) for scores in found], False


def _named(scores: Scores, protocol: Protocol) -> dict[str, Array]:
    return {name: getattr(scores, name) for name in protocol.metrics}


def _split(
    scores: Scores, protocol: Protocol, n_sets: int
) -> tuple[list[dict[str, Array]], bool]:
    named = _named(scores, protocol)
    rows = [{name: values[i] for name, values in named.items()} for i in range(n_sets)]
    return rows, scores.singular
