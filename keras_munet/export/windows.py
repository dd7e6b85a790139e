"""How a signal of any length is cut into the network's windows and joined again.

Windows overlap by a quarter and are cross-faded. The law: the fades sum to one
everywhere, so windows that return their input return the whole signal. The exported
graph and the client read the numbers from here.
"""

import dataclasses

import numpy as np

from keras_munet.config import OVERLAP, STFTConfig
from keras_munet.dsp import FloatArray


@dataclasses.dataclass(frozen=True)
class Windows:
    """Where windows lie.

    Attributes:
        length: samples of a window.
        overlap: samples that neighbours share, a whole number of hops.
    """

    length: int
    overlap: int

    @classmethod
    def of(cls, stft: STFTConfig) -> "Windows":
        """Returns the windows of a model."""
        overlap = int(stft.n_frames * OVERLAP) * stft.hop_length
        return cls(stft.chunk_length, overlap)

    @property
    def step(self) -> int:
        """Samples from one window to the next."""
        return self.length - self.overlap

    def count(self, n_samples: int) -> int:
        """Returns how many windows cover `n_samples`; at least one."""
        return max(1, -(-(n_samples - self.overlap) // self.step))

    def rise(self) -> FloatArray:
        """Returns the fade-in, float32 `(overlap,)`; `1 - rise` is the fade-out."""
        n = np.arange(self.overlap)
        return ((n + 0.5) / self.overlap).astype(np.float32)
