"""The part of a stream that is still needed, addressed by absolute position."""

import numpy as np

from keras_munet.dsp import FloatArray


class History:
    """Holds the end of a signal `(samples, channels)` that arrives in blocks.

    Args:
        n_channels: channels of the signal.
    """

    def __init__(self, n_channels: int) -> None:
        self._parts = [np.zeros((0, n_channels), np.float32)]
        self.start = 0
        self.end = 0

    def push(self, block: FloatArray) -> None:
        """Appends `(samples, channels)`."""
        if len(block):
            self._parts.append(block)
            self.end += len(block)

    def read(self, start: int, stop: int) -> FloatArray:
        """Returns samples `[start, stop)`, which must not be dropped yet."""
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)]
        return self._parts[0][start - self.start : stop - self.start]

    def drop(self, start: int) -> None:
        """Forgets what lies before `start`."""
        start = min(start, self.end)
        if start > self.start:
            self._parts = [self.read(start, self.end)]
            self.start = start

    def take(self, n: int) -> FloatArray:
        """Returns the `n` oldest samples and forgets them."""
        taken = self.read(self.start, self.start + n)
        self.drop(self.start + n)
        return taken
