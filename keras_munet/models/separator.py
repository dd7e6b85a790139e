"""From waveform to features, and from masks back to waveforms."""

from typing import Any

import keras
from keras import ops

from keras_munet.config import ModelConfig, STFTConfig
from keras_munet.layers import (
    STFT,
    InverseSTFT,
    LogFrequencyUnwarp,
    LogFrequencyWarp,
)

LOG_FLOOR = 2.2e-16
"""Added before the logarithm, as in the authors' code."""


def magnitude(real: Any, imaginary: Any) -> Any:
    """Returns |S| of a spectrogram in two real arrays."""
    return ops.sqrt(ops.square(real) + ops.square(imaginary))


def log_features(warped: Any) -> Any:
    """Returns the network's input, log(|S| warped + 2.2e-16)."""
    return ops.log(warped + LOG_FLOOR)


def front_end(stft: STFTConfig, *, n_channels: int) -> keras.Model:
    """Builds waveforms -> warped magnitudes, which training feeds on.

    Input: `(batch, samples, n_channels)`, any whole number of chunks' hops.
    Output: `(batch, n_rows, frames, n_channels)`.
    """
    waveforms = keras.Input((stft.chunk_length, n_channels), name="waveforms")
    real, imaginary = STFT(stft.n_fft, stft.hop_length, name="stft")(waveforms)
    warped = LogFrequencyWarp(stft.n_bins, stft.n_rows, stft.warp, name="warp")(
        magnitude(real, imaginary)
    )
    return keras.Model(waveforms, warped, name="front_end")


def separator_model(network: keras.Model, config: ModelConfig) -> keras.Model:
    """Wraps a mask network into one waveform -> waveforms model (paper, IV-C).

    Mask unwarped to the linear bins, times the mixture's magnitude, with the
    mixture's phase, through the inverse STFT.

    Args:
        network: features `(batch, n_rows, n_frames, 1)` -> masks
            `(batch, n_rows, n_frames, K)`.
        config: sources and front end.

    Returns:
        A model: `waveform` `(batch, chunk_length)` at the model's rate -> a dict
        with `masks`, `(batch, n_bins, n_frames, K)`, unbounded, and one waveform
        `(batch, chunk_length)` per source name. The estimates of masks of one
        are the waveform itself.
    """
    stft = config.stft
    waveform = keras.Input((stft.chunk_length,), name="waveform")
    real, imaginary = STFT(stft.n_fft, stft.hop_length, name="stft")(waveform)
    warp = LogFrequencyWarp(stft.n_bins, stft.n_rows, stft.warp, name="warp")
    unwarp = LogFrequencyUnwarp(stft.n_bins, stft.n_rows, stft.warp, name="unwarp")
    inverse = InverseSTFT(stft.n_fft, stft.hop_length, name="inverse_stft")

    features = log_features(warp(magnitude(real, imaginary)))
    masks = unwarp(network(ops.expand_dims(features, -1)))
    outputs = {"masks": masks}
    for index, source in enumerate(config.sources):
        mask = masks[..., index]
        outputs[source] = inverse(real * mask, imaginary * mask)
    return keras.Model(waveform, outputs, name="separator")
