"""Playing recordings on the accelerator: at any speed, through an equaliser."""

from typing import Any

import keras
from keras import ops

from keras_munet import dsp

UNIT = 128
"""Parts of a sample in which speeds are given: steps of 0.8 % from 1."""

TAPS = 32
"""Samples of a recording that each resampled one is made of."""


@keras.saving.register_keras_serializable(package="keras_munet")
class Player(keras.layers.Layer):
    """Plays pieces of songs, each at a speed of its own; a song goes on in circles.

    The law: what fits into the rate of the result is kept, frequencies times the speed.
    Played faster, what does not fit is left out; played slower than the rate of the
    result, the band that would stay empty mirrors the one below it, for a network hears
    logarithms, and no music is silent there.

    Every `UNIT` samples of the result the same fractions of a sample come again, so
    that a piece is one matmul of overlapping frames with a bank of `UNIT` filters.

    Args:
        n_samples: of a piece.
        highest_step: the largest of the steps that a call is given; with `UNIT`, all
            are taken to be that, and samples are given as they are.

    Call arguments:
        sound: recordings one after the other, any number type, `(samples, channels)`.
        songs: first sample and length of the song of each piece, int32, `(batch, 2)`.
        starts: where in its song a piece begins, int32, `(batch,)`.
        steps: from one sample of the result to the next, in `UNIT` parts of a sample,
            int32, `(batch,)`.

    Call result:
        float32, `(batch, n_samples, channels)`.
    """

    def __init__(self, n_samples: int, highest_step: int = UNIT, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(trainable=False, **kwargs)
        self.n_samples = n_samples
        self.highest_step = highest_step

    def call(self, sound: Any, songs: Any, starts: Any, steps: Any) -> Any:
        """Plays; see the class."""
        if self.highest_step == UNIT:
            return self._at(sound, songs, starts[:, None] + ops.arange(self.n_samples))
        n_blocks = -(-self.n_samples // UNIT)
        before = TAPS // 2 - 1
        offsets = ops.arange(self.highest_step + TAPS) - before
        blocks = starts[:, None] + ops.arange(n_blocks) * steps[:, None]
        frames = self._at(sound, songs, blocks[:, :, None] + offsets)
        away = ops.cast(offsets, "float32")[None, :, None] - (
            ops.arange(UNIT, dtype="float32")
            * ops.cast(steps, "float32")[:, None, None]
            / UNIT
        )  # (batch, offsets, UNIT)
        pieces = ops.einsum("bqoc,bou->bquc", frames, self._filters(away, steps))
        n_channels = pieces.shape[-1]
        whole = ops.reshape(pieces, (-1, n_blocks * UNIT, n_channels))
        return whole[:, : self.n_samples]

    def _at(self, sound: Any, songs: Any, places: Any) -> Any:
        """Samples of each song at places `(batch, ...)`."""
        first, length = (
            ops.reshape(songs[:, k], (-1, *[1] * (len(places.shape) - 1)))
            for k in range(2)
        )
        samples = ops.take(sound, first + ops.mod(places, length), axis=0)
        return ops.cast(samples, "float32")

    def _filters(self, away: Any, steps: Any) -> Any:
        """Windowed sinc that passes half the rate of the result."""
        cut = UNIT / ops.cast(steps, "float32")[:, None, None]
        angle = 3.141592653589793 * cut * away
        near = ops.abs(angle) < 1e-3
        sinc = ops.where(near, 1.0, ops.sin(angle) / ops.where(near, 1.0, angle))
        inside = ops.abs(away) <= TAPS / 2
        window = ops.square(ops.cos(3.141592653589793 * away / (TAPS + 1)))
        return ops.where(inside, cut * sinc * window, 0.0)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's values."""
        config = super().get_config()
        config.pop("trainable", None)
        own = {"n_samples": self.n_samples, "highest_step": self.highest_step}
        return {**config, **own}


@keras.saving.register_keras_serializable(package="keras_munet")
class Equalizer(keras.layers.Layer):
    """Plays each signal through an equaliser of its own, as `spectral.transform` does.

    Args:
        sample_rate: in Hz.

    Call arguments:
        signals: float32, `(batch, samples)`, which go on in circles.
        band_gains: decibels at `dsp.BANDS_HZ`, `(batch, bands)`.

    Call result:
        Of the shape of `signals`.
    """

    def __init__(self, sample_rate: int, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(trainable=False, **kwargs)
        self.sample_rate = sample_rate

    def call(self, signals: Any, band_gains: Any) -> Any:
        """Filters; see the class."""
        n_samples = signals.shape[1]
        weights = dsp.band_weights(n_samples, self.sample_rate)
        curves = ops.exp(ops.matmul(band_gains, ops.convert_to_tensor(weights)))
        real, imaginary = ops.rfft(signals)
        return ops.irfft((real * curves, imaginary * curves), fft_length=n_samples)

    def compute_output_shape(
        self, signals_shape: tuple[int | None, ...], band_gains_shape: Any = None
    ) -> tuple[int | None, ...]:
        """Returns the shape of the signals."""
        return signals_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's values."""
        config = super().get_config()
        config.pop("trainable", None)
        return {**config, "sample_rate": self.sample_rate}
