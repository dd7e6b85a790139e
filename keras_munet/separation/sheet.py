"""A picture of a song and its stems: one spectrogram under the other.

Columns are pooled while the song goes by, so that a sheet of two hours takes no more
memory than one of two minutes.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_munet.audio.resample import downmix
from keras_munet.dsp import FloatArray, hann
from keras_munet.extras import advising
from keras_munet.separation.history import History

N_FFT = 4096
HOP = 2048
N_ROWS = 128
MAX_COLUMNS = 1600
RANGE_DB = 80.0
LOWEST_HZ = 40.0


class Sheet:
    """Spectrograms of several signals of one length.

    Args:
        names: of the signals, from top to bottom.
        sample_rate: in Hz.

    Raises:
        MissingExtraError: when librosa or Matplotlib is not installed.
    """

    def __init__(self, names: Sequence[str], sample_rate: int) -> None:
        with advising("plot"):  # before hours of work, not after
            from librosa.display import specshow

        self._specshow = specshow
        self.sample_rate = sample_rate
        self._panels = {name: _Panel(sample_rate) for name in names}

    def add(self, name: str, block: FloatArray) -> None:
        """Appends `(samples, channels)` to a signal."""
        self._panels[name].add(block)

    def save(self, path: Path, *, title: str) -> None:
        """Writes the sheet as PNG."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        n = len(self._panels)
        figure = Figure(figsize=(12, 1.8 * n + 0.6), layout="constrained")
        FigureCanvasAgg(figure)
        figure.suptitle(plain(title))
        axes = figure.subplots(n, 1, sharex=True, squeeze=False)[:, 0]
        pictures = {name: panel.picture() for name, panel in self._panels.items()}
        loudest = max(float(p.max(initial=-200.0)) for p in pictures.values())
        for axis, (name, picture) in zip(axes, pictures.items(), strict=True):
            panel = self._panels[name]
            mesh = self._specshow(
                picture,
                x_coords=np.arange(picture.shape[1] + 1) * panel.column_s,
                y_coords=panel.edges_hz,
                x_axis="time",
                y_axis="log",
                vmin=loudest - RANGE_DB,
                vmax=loudest,
                cmap="magma",
                ax=axis,
                rasterized=True,
            )
            axis.set(xlabel="", ylabel=f"{plain(name)}\nHz")
        axes[-1].set_xlabel("time")
        figure.colorbar(mesh, ax=list(axes), label="dB", aspect=40)
        with warnings.catch_warnings():  # no font has the letters of every name
            warnings.filterwarnings("ignore", "Glyph", UserWarning)
            figure.savefig(path, dpi=100, format="png")


def plain(text: str) -> str:
    """Returns text that Matplotlib shows as it is: `$x$` is no formula."""
    return text.encode(errors="replace").decode().replace("$", r"\$")


class _Panel:
    """One signal's power in log-frequency rows, pooled in time."""

    def __init__(self, sample_rate: int) -> None:
        self._signal = History(1)
        self._window = hann(N_FFT).astype(np.float32)[:, None]
        top = sample_rate / 2
        self.edges_hz = np.geomspace(min(LOWEST_HZ, top / 4), top, N_ROWS + 1)
        bins = np.fft.rfftfreq(N_FFT, 1 / sample_rate)
        starts = np.searchsorted(bins, self.edges_hz[:-1])
        self._starts = np.minimum(starts, len(bins) - 1)
        self._columns: list[FloatArray] = []
        self._pending: list[FloatArray] = []
        self._pooled = 1
        self._sample_rate = sample_rate

    @property
    def column_s(self) -> float:
        """Seconds of one column."""
        return self._pooled * HOP / self._sample_rate

    def add(self, block: FloatArray) -> None:
        self._signal.push(downmix(block)[:, None])
        while self._signal.end - self._signal.start >= N_FFT:
            self._column()

    def _column(self) -> None:
        start = self._signal.start
        frame = self._signal.read(start, start + N_FFT)
        self._signal.drop(start + HOP)
        frame = np.pad(frame, ((0, N_FFT - len(frame)), (0, 0))) * self._window
        power = np.abs(np.fft.rfft(frame[:, 0])) ** 2
        self._pending.append(np.maximum.reduceat(power, self._starts))
        if len(self._pending) == self._pooled:
            self._columns.append(np.mean(self._pending, axis=0))
            self._pending = []
        if len(self._columns) == MAX_COLUMNS:
            pairs = np.reshape(self._columns, (-1, 2, N_ROWS)).mean(axis=1)
            self._columns = list(pairs)
            self._pooled *= 2

    def picture(self) -> FloatArray:
        """Returns the power in dB, `(rows, columns)`, at least one column."""
        if not self._columns:
            self._column()
        if self._pending and not self._columns:
            self._columns.append(np.mean(self._pending, axis=0))
        decibel: FloatArray = 10 * np.log10(np.stack(self._columns, axis=1) + 1e-12)
        return decibel
