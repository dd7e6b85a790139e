"""Figures: scores, differences, training curves, energies, masks and spectrograms.

Every function draws with Matplotlib's Agg canvas (no display, no global state),
writes the image as a whole, and returns its path. The suffix chooses the format.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from keras_munet import dsp
from keras_munet.errors import DataError
from keras_munet.evaluation.compare import Comparison
from keras_munet.evaluation.report import OVERALL, Report
from keras_munet.files import replacing
from keras_munet.separation.sheet import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.floating]

FORMATS = (".png", ".pdf", ".svg")
_DPI = 150
_COLUMNS = 3


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: "Figure", path: str | Path) -> Path:
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise DataError(
            f"Figures are written as {', '.join(FORMATS)}. Received: {path.name}"
        )
    with replacing(path) as part:
        figure.savefig(part, dpi=_DPI)
    return path


def plot_scores(
    reports: Mapping[str, Report], path: str | Path, *, metric: str = "sdr"
) -> Path:
    """Draws a box per method and source: quartiles, median line, mean diamond, songs.

    Args:
        reports: label -> report, all of the same sources.
        path: of the image.
        metric: which ratio.
    """
    sources = [*next(iter(reports.values())).sources, OVERALL]
    figure = _figure(2 + 0.45 * len(sources) * len(reports), 4.5)
    axes = figure.subplots()
    width = 0.8 / len(reports)
    for index, (label, report) in enumerate(reports.items()):
        pooled = [_finite(report, source, metric) for source in sources]
        places = np.arange(len(sources)) + (index - (len(reports) - 1) / 2) * width
        boxes = axes.boxplot(
            pooled,
            positions=places,
            widths=0.85 * width,
            showmeans=True,
            patch_artist=True,
            medianprops={"color": "black"},
            meanprops={"marker": "D", "markersize": 4, "markerfacecolor": "white"},
            flierprops={"marker": ".", "markersize": 3},
        )
        for box in boxes["boxes"]:
            box.set_facecolor(f"C{index % 10}")
        axes.bar(places[:1], [0], color=f"C{index % 10}", label=plain(label))  # legend
    axes.set_xticks(range(len(sources)), sources)
    axes.set_ylabel(f"{metric.upper()} in dB")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize="small", ncols=2)
    return _save(figure, path)


def _finite(report: Report, source: str, metric: str) -> list[float]:
    names = report.sources if source == OVERALL else [source]
    values = [v for s in names for v in report.values(report.row, s, metric).values()]
    return [value for value in values if math.isfinite(value)]


def plot_comparison(comparisons: Sequence[Comparison], path: str | Path) -> Path:
    """Draws every song's difference, and the mean with its 95 % interval.

    Args:
        comparisons: from `compare`; a panel for each.
        path: of the image.
    """
    figure = _figure(7, 1 + 0.5 * sum(len(c.differences) for c in comparisons))
    panels = figure.subplots(len(comparisons), 1, squeeze=False)[:, 0]
    jitter = np.random.default_rng(0)
    for axes, comparison in zip(panels, comparisons, strict=True):
        rows = comparison.differences
        for place, row in enumerate(rows):
            songs = comparison.pairs[row.source]
            noise = jitter.uniform(-0.15, 0.15, len(songs))
            axes.plot(songs, place + noise, ".", color="0.6", markersize=4)
            if row.n:
                axes.plot([row.low, row.high], [place, place], "-", color="C0", lw=3)
                axes.plot(row.mean, place, "D" if row.shown else "o", color="C3")
        axes.axvline(0, color="black", lw=0.8)
        axes.set_yticks(range(len(rows)), [row.source for row in rows])
        axes.invert_yaxis()
        names = f"{comparison.second} against {comparison.first}"
        axes.set_title(plain(names), fontsize=9)
        axes.set_xlabel(f"{comparison.metric.upper()} difference in dB")
    return _save(figure, path)


def read_history(path: str | Path) -> dict[str, Array]:
    """Returns column -> values per epoch of a run's `history.csv`.

    Raises:
        DataError: when the file is missing, empty, or no table of numbers.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        columns = rows[0].keys()
        return {name: np.array([float(row[name]) for row in rows]) for name in columns}
    except FileNotFoundError as error:
        raise DataError(f"No history at {path}. Train a run first.") from error
    except (IndexError, TypeError, ValueError) as error:
        raise DataError(f"{path} is no history of a run ({error}).") from error


def plot_losses(histories: Mapping[str, Mapping[str, Array]], path: str | Path) -> Path:
    """Draws training and validation loss over epochs, one colour per run.

    Args:
        histories: label -> `read_history(...)`.
        path: of the image.
    """
    figure = _figure(7, 4)
    axes = figure.subplots()
    for index, (label, history) in enumerate(histories.items()):
        for column, style in (("val_loss", "-"), ("loss", ":")):
            if column in history:
                name = f"{label} ({'validation' if style == '-' else 'training'})"
                axes.plot(
                    history["epoch"],
                    history[column],
                    style,
                    color=f"C{index % 10}",
                    label=plain(name),
                )
    axes.set(xlabel="epoch", ylabel="loss", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return _save(figure, path)


def plot_weights(history: Mapping[str, Array], path: str | Path) -> Path:
    """Draws the weight of each source's loss over epochs.

    Args:
        history: `read_history(...)` of one run.
        path: of the image.

    Raises:
        DataError: when the history has no weights.
    """
    columns = [name for name in history if name.startswith("weight_")]
    if not columns:
        raise DataError("This history has no columns `weight_<source>`.")
    figure = _figure(6, 3.5)
    axes = figure.subplots()
    for column in columns:
        axes.plot(
            history["epoch"], history[column], label=column.removeprefix("weight_")
        )
    axes.set(xlabel="epoch", ylabel="weight of the loss")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return _save(figure, path)


def plot_energies(
    energies: Mapping[str, Mapping[str, float]], path: str | Path
) -> Path:
    """Draws the energy per source, as the paper's figure 2.

    Args:
        energies: label (data set) -> source -> energy (`dsp.energy`).
        path: of the image.
    """
    figure = _figure(7, 3.5)
    panels = figure.subplots(1, len(energies), squeeze=False)[0]
    for axes, (label, values) in zip(panels, energies.items(), strict=True):
        bars = axes.bar(list(values), list(values.values()), color="C0")
        axes.bar_label(bars, fmt="%.0f", fontsize=8)
        axes.set_title(plain(label), fontsize=9)
        axes.set_ylabel("mean energy of 6 s")
        axes.tick_params(axis="x", rotation=30)
    return _save(figure, path)


def plot_masks(
    masks: Array, sources: Sequence[str], path: str | Path, *, limit: float = 1.0
) -> Path:
    """Draws a sheet of masks, one panel per source.

    Args:
        masks: `(bins, frames, K)`.
        sources: K names.
        path: of the image.
        limit: value drawn brightest.
    """
    figure = _figure(3.2 * len(sources), 3)
    panels = figure.subplots(1, len(sources), squeeze=False)[0]
    for index, (axes, source) in enumerate(zip(panels, sources, strict=True)):
        image = axes.imshow(
            masks[..., index], origin="lower", aspect="auto", vmin=0, vmax=limit
        )
        axes.set(title=plain(source), xlabel="frame", ylabel="bin")
    figure.colorbar(image, ax=panels, shrink=0.8)
    return _save(figure, path)


def plot_spectrograms(
    signals: Mapping[str, Array],
    sample_rate: int,
    path: str | Path,
    *,
    n_fft: int = 1022,
    hop_length: int = 256,
) -> Path:
    """Draws a sheet of spectrograms in dB, all on one scale of 80 dB.

    Args:
        signals: title -> `(samples,)`.
        sample_rate: in Hz.
        path: of the image.
        n_fft: window length in samples.
        hop_length: samples between frames.
    """
    from librosa import amplitude_to_db
    from librosa.display import specshow

    spectra = {
        name: np.abs(dsp.stft(signal, n_fft=n_fft, hop_length=hop_length))
        for name, signal in signals.items()
    }
    top = max(max(float(s.max()) for s in spectra.values()), 1e-10)
    n_rows = -(-len(spectra) // _COLUMNS)
    n_columns = min(_COLUMNS, len(spectra))
    figure = _figure(3.2 * n_columns, 2.6 * n_rows)
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes in panels[len(spectra) :]:
        axes.set_axis_off()
    for axes, (name, spectrum) in zip(panels, spectra.items(), strict=False):
        image = specshow(
            amplitude_to_db(spectrum, ref=top, amin=1e-4 * top, top_db=None),
            sr=sample_rate,
            hop_length=hop_length,
            n_fft=n_fft,
            x_axis="time",
            y_axis="linear",
            vmin=-80,
            vmax=0,
            cmap="magma",
            ax=axes,
        )
        axes.set_title(plain(name))
    figure.colorbar(image, ax=panels, shrink=0.8, label="dB")
    return _save(figure, path)
