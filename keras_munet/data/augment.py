"""Augmentations: what is drawn for each chunk of an epoch, before anything is read.

All draws of an epoch depend on (seed, epoch) only, so that a resumed run sees what
the interrupted one would have seen.
"""

import zlib
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keras_munet.config import AUGMENTATIONS
from keras_munet.dsp import FloatArray

GAIN_RANGE = (0.25, 1.25)
"""Of each source, uniform (as in Open-Unmix)."""

LEFT, RIGHT, MID = 0, 1, 2


@dataclass(frozen=True)
class Plan:
    """An epoch, drawn: one row for each chunk, in the order of reading.

    Attributes:
        rows: which chunk the mixture comes from, `(n,)`.
        source_rows: which chunk each source comes from, `(n, K)`.
        gains: factor of each source, negative where the polarity is reversed,
            float32 `(n, K)`.
        channels: `LEFT`, `RIGHT` or `MID`, `(n,)`.
    """

    rows: NDArray[np.int64]
    source_rows: NDArray[np.int64]
    gains: FloatArray
    channels: NDArray[np.int64]

    @property
    def is_remixed(self) -> bool:
        """Whether a source comes from another chunk than its mixture."""
        return bool((self.source_rows != self.rows[:, None]).any())

    @property
    def is_plain(self) -> bool:
        """Whether every chunk is used as it is."""
        plain = (self.gains == 1).all() and (self.channels == MID).all()
        return bool(plain and not self.is_remixed)


def generator(seed: int, epoch: int, purpose: str) -> np.random.Generator:
    """Returns a generator of its own for each (seed, epoch, purpose)."""
    return np.random.default_rng([seed, epoch, zlib.crc32(purpose.encode())])


def draw_plan(
    n_chunks: int,
    n_sources: int,
    *,
    seed: int,
    epoch: int,
    shuffle: bool,
    augment: Collection[str] = (),
) -> Plan:
    """Draws the order and the augmentation of an epoch.

    Args:
        n_chunks: chunks that the epoch goes through, each once.
        n_sources: K.
        seed: of the run.
        epoch: number of the epoch.
        shuffle: draw the order; otherwise it is that of the cache.
        augment: `gain` (each source times 0.25 to 1.25), `polarity` (each source
            reversed or not), `channels` (left, right or mid), `remix` (every source
            from a chunk of its own).

    Raises:
        ValueError: on a name that is none of these.
    """
    for name in augment:
        if name not in AUGMENTATIONS:
            raise ValueError(
                f"`augment` must be of {', '.join(AUGMENTATIONS)}. Received: {name!r}"
            )
    rows = np.arange(n_chunks)
    if shuffle:
        rows = generator(seed, epoch, "order").permutation(n_chunks)
    source_rows = np.repeat(rows[:, None], n_sources, axis=1)
    gains = np.ones((n_chunks, n_sources), np.float32)
    channels = np.full(n_chunks, MID)
    if "remix" in augment:
        source_rows = generator(seed, epoch, "remix").permuted(source_rows, axis=0)
    if "gain" in augment:
        draws = generator(seed, epoch, "gain").uniform(*GAIN_RANGE, gains.shape)
        gains *= draws.astype(np.float32)
    if "polarity" in augment:
        signs = generator(seed, epoch, "polarity").choice([-1, 1], gains.shape)
        gains *= signs.astype(np.float32)
    if "channels" in augment:
        channels = generator(seed, epoch, "channels").integers(0, 3, n_chunks)
    return Plan(rows, source_rows, gains, channels)
