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
    STFTMagnitude,
)
from keras_munet.layers.stft import magnitude
from keras_munet.models.build import source_masks
from keras_munet.models.precision import exact_products

LOG_FLOOR = 2.2e-16
"""Added before the logarithm, as in the authors' code."""


def log_features(warped: Any, config: ModelConfig) -> Any:
    """Returns the network's input, log(|S| warped + 2.2e-16).

    With `config.relative_level`, log of the chunk's mean magnitude is subtracted.

    Law of `config.floor_db`: magnitudes below the floor change nothing, so that the
    rounding noise of empty bins, which no two runtimes share, is not heard.

    Args:
        warped: magnitudes `(batch, n_rows, frames, ...)`.
        config: of the network.
    """
    level: Any = None
    if config.relative_level:
        level = ops.mean(warped, axis=(1, 2), keepdims=True)
    if config.floor_db is not None:
        full = config.stft.full_scale if level is None else level
        floor = full * 10 ** (config.floor_db / 20)
        features = ops.log(ops.maximum(warped, floor) + LOG_FLOOR)
    else:
        features = ops.log(warped + LOG_FLOOR)
    return features if level is None else features - ops.log(level + LOG_FLOOR)


@keras.saving.register_keras_serializable(package="keras_munet")
class FrontEnd(keras.layers.Layer):
    """Waveforms -> warped magnitudes, which training feeds on.

    Computes in float32 under every dtype policy but one given for the layer itself.

    Args:
        stft: rate, windows, warp; also as the dict that `get_config` has.

    Call arguments:
        waveforms: `(batch, samples, channels)`, any number of channels.

    Call result:
        `(batch, n_rows, frames, channels)`.
    """

    def __init__(self, stft: STFTConfig | dict[str, Any], **kwargs: Any) -> None:
        kwargs = {"dtype": "float32", "name": "front_end", **kwargs}
        super().__init__(trainable=False, **kwargs)
        self.stft = STFTConfig.from_dict(stft) if isinstance(stft, dict) else stft
        self.magnitude = STFTMagnitude(
            self.stft.n_fft, self.stft.hop_length, dtype=self.dtype_policy
        )
        self.warp = LogFrequencyWarp(
            self.stft.n_bins,
            self.stft.n_rows,
            self.stft.warp,
            dtype=self.dtype_policy,
        )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Builds both parts."""
        self.magnitude.build(input_shape)
        self.warp.build(self.magnitude.compute_output_shape(input_shape))

    def call(self, waveforms: Any) -> Any:
        """Transforms; see the class."""
        with exact_products():
            return self.warp(self.magnitude(waveforms))

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns the shape of the warped magnitudes."""
        shape = self.magnitude.compute_output_shape(input_shape)
        warped: tuple[int | None, ...] = self.warp.compute_output_shape(shape)
        return warped

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's values."""
        config = super().get_config()
        config.pop("trainable", None)
        return {**config, "stft": self.stft.to_dict()}


def separator_model(network: keras.Model, config: ModelConfig) -> keras.Model:
    """Wraps a mask network into one waveform -> waveforms model (paper, IV-C).

    Mask unwarped to the linear bins, times the mixture's magnitude, with the
    mixture's phase, through the inverse STFT.

    Args:
        network: of any architecture, built by `build_network`.
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

    features = log_features(warp(magnitude(real, imaginary)), config)
    masks = unwarp(source_masks(network, ops.expand_dims(features, -1), config))
    outputs = {"masks": masks}
    for index, source in enumerate(config.sources):
        mask = masks[..., index]
        outputs[source] = inverse(real * mask, imaginary * mask)
    return keras.Model(waveform, outputs, name="separator")
