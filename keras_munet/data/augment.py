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
from keras_munet.dsp import BANDS_HZ, FloatArray

GAIN_RANGE = (0.25, 1.25)
"""Of each source, uniform (as in Open-Unmix)."""

SPEED_RANGE = (0.8, 1.25)
"""Of each source, uniform on a logarithmic scale: four semitones down to four up."""

MOST_BAND_GAIN = 6.0
"""Decibels by which an equaliser raises or lowers a band at most; uniform."""

TOGETHER = 0.25
"""With `remix-most`, share of chunks whose sources stay together."""

BAND_TOGETHER = 0.5
"""Share of the others in which all sources but the first do."""

LEFT_OUT = 0.12
"""How often `silence` leaves a source out."""

LEFT, RIGHT, MID = 0, 1, 2


@dataclass(frozen=True)
class Plan:
    """An epoch, drawn: one row for each chunk, in the order of reading.

    Attributes:
        rows: which chunk the mixture comes from, `(n,)`.
        source_rows: which chunk each source comes from, `(n, K)`.
        shifts: by how much of a chunk each source, and what the sources leave of the
            mixture, begin later in their song, `(n, K + 1)`.
        gains: factor of each source, negative where the polarity is reversed,
            float32 `(n, K)`.
        channels: `LEFT`, `RIGHT` or `MID`, `(n,)`.
        speeds: factor of all frequencies of each source, and of what the sources leave
            of the mixture, float32 `(n, K + 1)`.
        band_gains: equaliser of each of these, in decibels at `dsp.BANDS_HZ`,
            float32 `(n, K + 1, bands)`.
    """

    rows: NDArray[np.int64]
    source_rows: NDArray[np.int64]
    shifts: FloatArray
    gains: FloatArray
    channels: NDArray[np.int64]
    speeds: FloatArray
    band_gains: FloatArray

    @property
    def is_spectral(self) -> bool:
        """Whether a source is played at another speed or through an equaliser."""
        return bool((self.speeds != 1).any() or self.band_gains.any())

    @property
    def is_plain(self) -> bool:
        """Whether every chunk is used as it is."""
        plain = (self.gains == 1).all() and (self.channels == MID).all()
        remixed = (self.source_rows != self.rows[:, None]).any() or self.shifts.any()
        return bool(plain and not remixed and not self.is_spectral)


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
            reversed or not), `silence` (a source left out now and then), `channels`
            (left, right or mid), `remix` (every source from a chunk of its own),
            `remix-most` (some stay together), `shift` (chunks begin anywhere), `speed`
            (0.8 to 1.25), `equalizer` (of each source). Sources of one chunk have the
            same shift and speed.

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
    if {"remix", "remix-most"} & set(augment):
        source_rows = generator(seed, epoch, "remix").permuted(source_rows, axis=0)
    if "remix-most" in augment:
        whole, band = generator(seed, epoch, "remix-most").uniform(size=(2, n_chunks))
        together = (whole >= TOGETHER) & (band < BAND_TOGETHER)
        source_rows[together, 1:] = source_rows[together, 1:2]
        source_rows[whole < TOGETHER] = rows[whole < TOGETHER, None]
    if "gain" in augment:
        draws = generator(seed, epoch, "gain").uniform(*GAIN_RANGE, gains.shape)
        gains *= draws.astype(np.float32)
    if "polarity" in augment:
        signs = generator(seed, epoch, "polarity").choice([-1, 1], gains.shape)
        gains *= signs.astype(np.float32)
    if "silence" in augment:
        left_out = generator(seed, epoch, "silence").uniform(size=gains.shape)
        silent = left_out < LEFT_OUT
        gains[silent & ~silent.all(axis=1, keepdims=True)] = 0
    if "channels" in augment:
        channels = generator(seed, epoch, "channels").integers(0, 3, n_chunks)
    shape = (n_chunks, n_sources + 1)
    leaders = _leaders(np.column_stack([source_rows, rows]))
    speeds, shifts = np.ones(shape, np.float32), np.zeros(shape)
    band_gains = np.zeros((*shape, len(BANDS_HZ)), np.float32)
    if "speed" in augment:
        low, high = np.log(SPEED_RANGE)
        draws = generator(seed, epoch, "speed").uniform(low, high, shape)
        speeds[:] = np.exp(np.take_along_axis(draws, leaders, axis=1))
    if "shift" in augment:
        draws = generator(seed, epoch, "shift").uniform(size=shape)
        shifts = np.take_along_axis(draws, leaders, axis=1)
    if "equalizer" in augment:
        band_gains[:, :-1] = generator(seed, epoch, "equalizer").uniform(
            -MOST_BAND_GAIN, MOST_BAND_GAIN, band_gains[:, :-1].shape
        )
    return Plan(rows, source_rows, shifts, gains, channels, speeds, band_gains)


def _leaders(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the first signal that comes from the same chunk, `(n, K + 1)`."""
    leaders: NDArray[np.int64] = (rows[:, :, None] == rows[:, None]).argmax(axis=-1)
    return leaders
