"""The five steps of the demo, each one call of the library."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_munet.audio.reading import read_audio
from keras_munet.cli.training import train_one
from keras_munet.config import DataConfig, STFTConfig
from keras_munet.data import cache
from keras_munet.data.dataset import Dataset
from keras_munet.evaluation import figures
from keras_munet.evaluation.evaluate import evaluate
from keras_munet.evaluation.report import Report
from keras_munet.evaluation.selection import choose_setting, select_tracks
from keras_munet.evaluation.tables import report_table
from keras_munet.music import collection as synth
from keras_munet.presets import preset
from keras_munet.separation.files import Output
from keras_munet.separation.separator import Separator
from keras_munet.weights import DEFAULT
from keras_munet.weights.shipped import PRESENT, shipped_models

Progress = Callable[[float, float], None]
TITLES = {
    "generated": "A generated song that training never saw",
    "excerpt": "Real music: the MUSDB18 excerpt of The Easton Ellises, Falcon 69",
}
SHIPPED = "excerpt-shipped"
"""What the files of the shipped model are called."""


def make_songs(
    out: Path, n_tracks: int, seconds: float, seed: int, progress: Progress
) -> Path:
    """Generates the songs, one of them for testing."""
    folder = out / "songs"
    synth.write_tracks(
        folder, n_tracks, seconds=seconds, seed=seed, n_test_tracks=1, progress=progress
    )
    return folder


def make_cache(out: Path, songs: Path, progress: Progress) -> Dataset:
    """Prepares vocals and accompaniment of the songs, in chunks of 1.5 s.

    Short chunks make short steps, of which a small network needs some thousand.
    """
    config = DataConfig(stft=STFTConfig(n_frames=64), validation_share=0.13)
    return cache.prepare(songs, out / "cache", config, progress=progress)


def train_network(
    out: Path, dataset: Dataset, width: int, epochs: int, seed: int, *, quiet: bool
) -> Path:
    """Trains a small M-U-Net with EBW_P1 and returns its run folder."""
    config = preset("mobile-2src")
    unet = dataclasses.replace(config.model.unet, width=width)
    config = dataclasses.replace(
        config,
        model=dataclasses.replace(config.model, stft=dataset.config.stft, unet=unet),
        weighting="ebw-p1",
        augment=("gain", "polarity"),
        batch_size=4,
        epochs=epochs,
        seed=seed,
    )
    run = out / "run"
    train_one(dataset, config, run, tflite=True, quiet=quiet)
    return run


def separate(out: Path, model: str | Path, name: str, path: Path) -> Path:
    """Separates a test track's mixture into full-band stems."""
    mixture = next(path.glob("test/*/mixture.wav")) if path.is_dir() else path
    folder = out / "stems" / name
    if not any(folder.glob("*.wav")):
        output = Output(template="{stem}.{ext}")
        Separator.load(model).separate_file(mixture, folder, output=output)
    return folder


def score(out: Path, model: str | Path, name: str, path: Path) -> Report:
    """Scores the model on a test track, beside mixture and ideal masks."""
    tracks = select_tracks(
        path, DataConfig(), split="test" if path.is_dir() else "all", names=()
    )
    setting, estimator = choose_setting(
        tracks,
        model=model,
        estimates=None,
        sources=(),
        protocol="paper",
        masks=None,
        backend="fast",
        oracle=True,
        device=None,
    )
    report = out / f"report-{name}.json"
    return evaluate(tracks, setting, estimator, report, overwrite=True)


def table(report: Report) -> Any:
    """Returns the scores as a table to print."""
    return report_table(report)


def has_shipped() -> bool:
    """Tells whether the weights that come with the package are there and whole."""
    return shipped_models()[DEFAULT].state == PRESENT


def shipped_line(report: Report) -> str:
    """Returns the shipped model's SDR on the excerpt, in one line."""
    scores = report.summary()[report.row]
    said = [f"{name} {scores[name]['sdr']['mean']:.2f}" for name in report.sources]
    what = f"The weights that come with the package ({DEFAULT}), SDR in dB"
    return f"{what}: {', '.join(said)}"


def draw(out: Path, run: Path, dataset: Dataset, stems: list[Path]) -> list[Path]:
    """Draws losses, weights, energies and the stems' spectrograms."""
    history = figures.read_history(run / "history.csv")
    folder = out / "plots"
    energies = dict(dataset.energies_without_silent)
    pictures = [
        figures.plot_losses({"demo": history}, folder / "losses.png"),
        figures.plot_weights(history, folder / "weights.png"),
        figures.plot_energies({"generated songs": energies}, folder / "energies.png"),
    ]
    for place in stems:
        sounds = {path.stem: read_audio(path) for path in sorted(place.glob("*.wav"))}
        rate = next(iter(sounds.values()))[1]
        pictures.append(
            figures.plot_spectrograms(
                {name: sound.mean(axis=1) for name, (sound, _) in sounds.items()},
                rate,
                folder / f"spectrograms-{place.name}.png",
            )
        )
    return pictures
