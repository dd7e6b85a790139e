"""How audio takes the form of a protocol, and how an estimate fits its reference."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keras_munet.audio.reading import downmix, resample
from keras_munet.errors import DataError

Array = NDArray[np.floating]

LENGTH_TOLERANCE_S = 0.1
"""Estimates this much longer or shorter are cut or padded at the end: codecs do so."""


@dataclass(frozen=True)
class Form:
    """The form in which a protocol hears audio.

    Attributes:
        sample_rate: in Hz; None keeps the track's own.
        mono: mix all channels down first.
    """

    sample_rate: int | None
    mono: bool

    def apply(self, audio: Array, sample_rate: int) -> tuple[Array, int]:
        """Returns `(samples, channels)` and the rate in this form."""
        if self.mono:
            audio = downmix(audio)[:, None]
        rate = self.sample_rate or sample_rate
        return (
            audio if rate == sample_rate else resample(audio, sample_rate, rate)
        ), rate


def align(estimate: Array, like: Array, sample_rate: int, what: str) -> Array:
    """Returns `estimate` with the length and channels of the reference `like`.

    Up to 0.1 s too long is cut, up to 0.1 s too short is padded with zeros, both at
    the end. One channel is repeated where the reference has several.

    Raises:
        DataError: for a larger difference, or channels that do not fit.
    """
    excess = len(estimate) - len(like)
    if abs(excess) > LENGTH_TOLERANCE_S * sample_rate:
        raise DataError(
            f"{what} lasts {len(estimate) / sample_rate:.3f} s, its reference "
            f"{len(like) / sample_rate:.3f} s. Up to {LENGTH_TOLERANCE_S} s are cut or "
            "padded; separate the whole track again, or cut the file to its length."
        )
    if estimate.shape[1] not in (1, like.shape[1]):
        raise DataError(
            f"{what} has {estimate.shape[1]} channels, its reference {like.shape[1]}. "
            "Write it with the channels of the mixture, or use --protocol paper."
        )
    aligned = np.zeros_like(like)
    n_common = min(len(estimate), len(like))
    aligned[:n_common] = estimate[:n_common]
    return aligned
