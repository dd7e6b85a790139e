"""The STFT and its inverse as layers of real arrays: one matmul per direction.

The padded signal is cut into blocks of one hop; a frame is a concatenation of
shifted blocks. So everything is pad, reshape, slice, concat and matmul, which every
runtime has, and the fastest pair measured for LiteRT.
"""

from typing import Any

import keras
from keras import ops

from keras_munet import dsp
from keras_munet.config import STFTConfig

SMALLEST = 1.1754944e-38
"""The smallest normal float32."""


def _to_signals(x: Any) -> Any:
    """(batch, samples, channels) -> (batch, channels, samples)."""
    return ops.transpose(x, (0, 2, 1))


def magnitude(real: Any, imaginary: Any) -> Any:
    """Returns |S| of a spectrogram in two real arrays.

    The gradient of a square root is infinite at zero, and the chain rule makes it NaN
    for every bin of a silent chunk. Energies below the smallest normal float32, which
    some runtimes take for zero anyway, count as that: |S| is at least 1e-19 then, the
    gradient zero.
    """
    energy = ops.square(real) + ops.square(imaginary)
    return ops.sqrt(ops.maximum(energy, SMALLEST))


class _STFTLayer(keras.layers.Layer):
    """What both directions share: the settings, given one by one."""

    def __init__(
        self,
        n_fft: int = 1022,
        hop_length: int = 256,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(trainable=False, **kwargs)
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.settings = STFTConfig(n_fft=n_fft, hop_length=hop_length)
        self.frame_length = dsp.frame_length(self.settings)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's values."""
        config = super().get_config()
        config.pop("trainable", None)
        return {**config, "n_fft": self.n_fft, "hop_length": self.hop_length}

    def _frames(self, signals: Any) -> Any:
        """(batch, samples) -> (batch, frames, frame_length), padded, not windowed."""
        hop, half = self.hop_length, self.frame_length // 2
        n_samples = signals.shape[1]
        if n_samples % hop or n_samples <= half:
            raise ValueError(
                f"`waveform` must have a multiple of hop_length={hop} samples, more "
                f"than {half}. Received: samples={n_samples}"
            )
        n_frames = n_samples // hop + 1
        n_shifts = self.frame_length // hop
        padded = ops.pad(signals, ((0, 0), (half, half)), mode="reflect")
        blocks = ops.reshape(padded, (-1, n_frames + n_shifts - 1, hop))
        return ops.concatenate(
            [blocks[:, shift : shift + n_frames] for shift in range(n_shifts)], axis=-1
        )


@keras.saving.register_keras_serializable(package="keras_munet")
class STFT(_STFTLayer):
    """Short-time Fourier transform, centred with reflect padding, periodic Hann.

    Equal to `librosa.stft(x, n_fft=n_fft, hop_length=hop_length,
    pad_mode="reflect")` for signals of a whole number of hops.

    Args:
        n_fft: window and DFT length in samples.
        hop_length: samples from one frame to the next.

    Call arguments:
        waveform: float, `(batch, samples)` or `(batch, samples, channels)`; samples
            a multiple of `hop_length`, more than half a frame.

    Call result:
        Two arrays, real and imaginary part, each `(batch, bins, frames)` or
        `(batch, bins, frames, channels)`, with `n_fft // 2 + 1` bins and
        `samples // hop_length + 1` frames.
    """

    def call(self, waveform: Any) -> tuple[Any, Any]:
        """Transforms; see the class."""
        if len(waveform.shape) == 2:
            return self._transform(waveform)
        n_samples, n_channels = waveform.shape[1:]
        signals = ops.reshape(_to_signals(waveform), (-1, n_samples))
        parts = self._transform(signals)  # each (batch * channels, bins, frames)
        real, imaginary = (
            ops.transpose(
                ops.reshape(part, (-1, n_channels, *part.shape[1:])), (0, 2, 3, 1)
            )
            for part in parts
        )
        return real, imaginary

    def _transform(self, signals: Any) -> tuple[Any, Any]:
        matrix = ops.convert_to_tensor(dsp.analysis_matrix(self.settings), self.dtype)
        spectrum = ops.matmul(self._frames(signals), matrix)
        spectrum = ops.transpose(spectrum, (0, 2, 1))
        n_bins = self.settings.n_bins
        return spectrum[:, :n_bins], spectrum[:, n_bins:]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> Any:
        """Returns the shapes of both parts."""
        batch, n_samples, *channels = input_shape
        frames = None if n_samples is None else n_samples // self.hop_length + 1
        shape = (batch, self.settings.n_bins, frames, *channels)
        return shape, shape


@keras.saving.register_keras_serializable(package="keras_munet")
class STFTMagnitude(_STFTLayer):
    """The magnitudes of `STFT`, by FFT.

    Training transforms K + 1 signals per example on a CPU or GPU, where an FFT takes
    a third of the matmul's time; exported graphs keep to the matmul.

    Args:
        n_fft: window and DFT length in samples.
        hop_length: samples from one frame to the next.

    Call arguments:
        waveforms: float, `(batch, samples, channels)`, samples as in `STFT`.

    Call result:
        `(batch, bins, frames, channels)`.
    """

    def call(self, waveforms: Any) -> Any:
        """Transforms; see the class."""
        n_samples, n_channels = waveforms.shape[1:]
        signals = ops.reshape(_to_signals(waveforms), (-1, n_samples))
        margin = (self.frame_length - self.n_fft) // 2
        frames = self._frames(signals)[:, :, margin : margin + self.n_fft]
        window = ops.convert_to_tensor(dsp.hann(self.n_fft), self.dtype)
        spectrum = magnitude(*ops.rfft(frames * window))
        parts = ops.reshape(spectrum, (-1, n_channels, *spectrum.shape[1:]))
        return ops.transpose(parts, (0, 3, 2, 1))

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns the shape of the magnitudes."""
        batch, n_samples, n_channels = input_shape
        frames = None if n_samples is None else n_samples // self.hop_length + 1
        return batch, self.settings.n_bins, frames, n_channels


@keras.saving.register_keras_serializable(package="keras_munet")
class InverseSTFT(_STFTLayer):
    """Inverse of `STFT`: `InverseSTFT()(*STFT()(x)) == x`, edges included.

    Args:
        n_fft: as of the transform.
        hop_length: as of the transform.

    Call arguments:
        real: float, `(batch, bins, frames)` or `(batch, bins, frames, channels)`.
        imaginary: the same shape.

    Call result:
        The waveform, `(batch, samples)` or `(batch, samples, channels)`, with
        `(frames - 1) * hop_length` samples.
    """

    def call(self, real: Any, imaginary: Any) -> Any:
        """Transforms back; see the class."""
        if len(real.shape) == 3:
            return self._transform(real, imaginary)
        n_bins, n_frames, n_channels = real.shape[1:]
        signals = self._transform(
            *(
                ops.reshape(ops.transpose(x, (0, 3, 1, 2)), (-1, n_bins, n_frames))
                for x in (real, imaginary)
            )
        )
        return _to_signals(ops.reshape(signals, (-1, n_channels, signals.shape[1])))

    def _transform(self, real: Any, imaginary: Any) -> Any:
        hop, half = self.hop_length, self.frame_length // 2
        n_frames, n_shifts = real.shape[2], self.frame_length // hop
        spectrum = ops.transpose(ops.concatenate([real, imaginary], axis=1), (0, 2, 1))
        matrix = ops.convert_to_tensor(dsp.synthesis_matrix(self.settings), self.dtype)
        frames = ops.matmul(spectrum, matrix)  # (batch, frames, frame_length)
        total = sum(
            ops.pad(
                frames[:, :, shift * hop : (shift + 1) * hop],
                ((0, 0), (shift, n_shifts - 1 - shift), (0, 0)),
            )
            for shift in range(n_shifts)
        )
        length = (n_frames + n_shifts - 1) * hop
        signal = ops.reshape(total, (-1, length))[:, half : length - half]
        gain = dsp.synthesis_gain(self.settings, n_frames)
        return signal * ops.convert_to_tensor(gain, self.dtype)

    def compute_output_shape(
        self, real_shape: tuple[int | None, ...], imaginary_shape: Any = None
    ) -> tuple[int | None, ...]:
        """Returns the waveform's shape."""
        batch, _, n_frames, *channels = real_shape
        samples = None if n_frames is None else (n_frames - 1) * self.hop_length
        return batch, samples, *channels
