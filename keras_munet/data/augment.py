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
from keras_munet.data.spectral import BANDS_HZ
from keras_munet.dsp import FloatArray

GAIN_RANGE = (0.25, 1.25)
"""Of each source, uniform (as in Open-Unmix)."""

SPEED_RANGE = (0.8, 1.25)
"""Of each source, uniform on a logarithmic scale: four semitones down to four up."""

MOST_BAND_GAIN = 6.0
"""Decibels by which an equaliser raises or lowers a band at most; uniform."""

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
        speeds: factor of all frequencies of each source, and of what the sources leave
            of the mixture, float32 `(n, K + 1)`.
        band_gains: equaliser of each of these, in decibels at `spectral.BANDS_HZ`,
            float32 `(n, K + 1, bands)`.
    """

    rows: NDArray[np.int64]
    source_rows: NDArray[np.int64]
    gains: FloatArray
    channels: NDArray[np.int64]
    speeds: FloatArray
    band_gains: FloatArray

    @property
    def is_remixed(self) -> bool:
        """Whether a source comes from another chunk than its mixture."""
        return bool((self.source_rows != self.rows[:, None]).any())

    @property
    def is_spectral(self) -> bool:
        """Whether a source is played at another speed or through an equaliser."""
        return bool((self.speeds != 1).any() or self.band_gains.any())

    @property
    def is_plain(self) -> bool:
        """Whether every chunk is used as it is."""
        plain = (self.gains == 1).all() and (self.channels == MID).all()
        return bool(plain and not self.is_remixed and not self.is_spectral)


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
            from a chunk of its own), `speed` (0.8 to 1.25, the same for all sources
            of a chunk unless they are remixed), `equalizer` (of each source).

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
    speeds = np.ones((n_chunks, n_sources + 1), np.float32)
    band_gains = np.zeros((n_chunks, n_sources + 1, len(BANDS_HZ)), np.float32)
    if "speed" in augment:
        lowest, highest = np.log(SPEED_RANGE)
        shape = (n_chunks, n_sources + 1 if "remix" in augment else 1)
        speeds[:] = np.exp(
            generator(seed, epoch, "speed").uniform(lowest, highest, shape)
        )
    if "equalizer" in augment:
        band_gains[:, :-1] = generator(seed, epoch, "equalizer").uniform(
            -MOST_BAND_GAIN, MOST_BAND_GAIN, band_gains[:, :-1].shape
        )
    return Plan(rows, source_rows, gains, channels, speeds, band_gains)
