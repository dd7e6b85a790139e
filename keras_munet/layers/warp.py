"""The log-frequency warp of Sound of Pixels and its inverse, as fixed matrices."""

from typing import Any

import keras
from keras import ops

from keras_munet import dsp
from keras_munet.config import STFTConfig
from keras_munet.dsp import FloatArray


class _Warp(keras.layers.Layer):
    """A fixed linear map of the frequency axis (and of time, as the authors do).

    Args:
        n_bins: bins of the linear axis.
        n_rows: rows of the log-frequency axis.
        variant: `aligned` or `paper` (see `STFTConfig.warp`).

    Call arguments:
        spectrogram: float, `(batch, frequencies, frames)` or
            `(batch, frequencies, frames, channels)`.

    Call result:
        The same with the frequency axis resampled.
    """

    def __init__(
        self,
        n_bins: int = 512,
        n_rows: int = 256,
        variant: str = "aligned",
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(trainable=False, **kwargs)
        self.n_bins = n_bins
        self.n_rows = n_rows
        self.variant = variant
        self.settings = STFTConfig(
            n_fft=2 * (n_bins - 1), n_rows=n_rows, warp=variant, hop_length=1
        )

    def _matrix(self) -> FloatArray:
        raise NotImplementedError

    def call(self, spectrogram: Any) -> Any:
        """Resamples; see the class."""
        matrix = ops.convert_to_tensor(self._matrix(), self.dtype)
        time = dsp.time_matrix(self.settings, spectrogram.shape[2])
        if len(spectrogram.shape) == 3:
            warped = ops.matmul(matrix, spectrogram)
            if time is not None:
                warped = ops.matmul(warped, ops.convert_to_tensor(time.T, self.dtype))
            return warped
        frequencies, n_frames, n_channels = spectrogram.shape[1:]
        flat = ops.reshape(spectrogram, (-1, frequencies, n_frames * n_channels))
        warped = ops.matmul(matrix, flat)
        warped = ops.reshape(warped, (-1, matrix.shape[0], n_frames, n_channels))
        if time is not None:
            warped = ops.matmul(ops.convert_to_tensor(time, self.dtype), warped)
        return warped

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns the input's shape with the new frequency axis."""
        return input_shape[0], self._matrix().shape[0], *input_shape[2:]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's values."""
        config = super().get_config()
        config.pop("trainable", None)
        return {
            **config,
            "n_bins": self.n_bins,
            "n_rows": self.n_rows,
            "variant": self.variant,
        }


@keras.saving.register_keras_serializable(package="keras_munet")
class LogFrequencyWarp(_Warp):
    """Linear bins -> log-frequency rows."""

    __doc__ = f"{__doc__}\n{_Warp.__doc__}"

    def _matrix(self) -> FloatArray:
        return dsp.warp_matrix(self.settings)


@keras.saving.register_keras_serializable(package="keras_munet")
class LogFrequencyUnwarp(_Warp):
    """Log-frequency rows -> linear bins."""

    __doc__ = f"{__doc__}\n{_Warp.__doc__}"

    def _matrix(self) -> FloatArray:
        return dsp.unwarp_matrix(self.settings)
