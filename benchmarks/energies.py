"""Does EBW_P1 gain from energies that are measured where the loss lives?

    python benchmarks/energies.py FOLDER [--songs 16] [--epochs 12] [--seeds 0,1]

The paper weights losses on the log-frequency axis by energies of waveforms. Generated
songs are prepared in FOLDER; a small network of four sources learns them with EBW_P1
by either energies and unweighted; unseen songs are scored. Printed are the weights and
the mean SDR per source (BSS Eval v3, the paper's protocol). What is done is kept.
"""

import argparse
import os
from pathlib import Path

import numpy as np

from keras_munet.config import (
    FOUR_SOURCES,
    DataConfig,
    FitConfig,
    ModelConfig,
    STFTConfig,
    UNetConfig,
)
from keras_munet.evaluation.report import OVERALL, Report
from keras_munet.evaluation.tables import markdown_table

STFT = STFTConfig(n_frames=64)
N_TESTS = 4
SECONDS = 18.0
VARIANTS = {
    "unit": {"weighting": "unit"},
    "ebw-p1, waveform": {"weighting": "ebw-p1"},
    "ebw-p1, warped": {"weighting": "ebw-p1", "energies": "warped"},
}


def config(name: str, seed: int, epochs: int) -> FitConfig:
    """Returns the settings of one run."""
    unet = UNetConfig(width=6, depth=5, dropout=0.0, output_bias=0.5)
    return FitConfig(
        model=ModelConfig(FOUR_SOURCES, STFT, unet, floor_db=-96.0),
        optimizer="adam",
        learning_rate=1e-3,
        normalize=True,  # so that only the proportions of the weights differ
        clip_norm=5.0,
        batch_size=4,
        epochs=epochs,
        stop_patience=epochs,
        keep_silent=True,
        seed=seed,
        **VARIANTS[name],
    )


def run(name: str, seed: int, epochs: int, folder: Path) -> tuple[list[float], Report]:
    """Trains and scores one network; returns its weights (sum K) and the report."""
    from keras_munet.data.batches import CachedBatches
    from keras_munet.data.cache import prepare
    from keras_munet.evaluation.evaluate import evaluate
    from keras_munet.evaluation.selection import choose_setting, select_tracks
    from keras_munet.training.loop import fit

    data = DataConfig(sources=FOUR_SOURCES, stft=STFT, validation_share=0.15)
    dataset = prepare(folder / "songs", folder / "cache", data)
    settings = config(name, seed, epochs)
    place = folder / f"{name.replace(', ', '-')}-seed{seed}"
    history = fit(CachedBatches(dataset, settings), settings, place).history
    weights = [history[0][f"weight_{source}"] for source in FOUR_SOURCES]
    tracks = select_tracks(folder / "songs", DataConfig(sources=FOUR_SOURCES))
    setting, estimator = choose_setting(tracks, model=place)
    path = place / "report.json"
    return weights, evaluate(tracks, setting, estimator, path, overwrite=True)


def scores(report: Report) -> list[float]:
    """Mean SDR per source and over all, in dB."""
    summary = report.summary()["estimates"]
    return [summary[source]["sdr"]["mean"] for source in (*FOUR_SOURCES, OVERALL)]


def main() -> None:
    """Trains what is missing and prints two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--songs", type=int, default=16, help="to train on")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", default="0,1")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    from keras_munet.music.collection import write_tracks

    write_tracks(
        options.folder / "songs",
        options.songs,
        seconds=SECONDS,
        seed=1,
        n_test_tracks=N_TESTS,
    )
    seeds = [int(seed) for seed in options.seeds.split(",")]
    weights, means = [], []
    for name in VARIANTS:
        for seed in seeds:
            found, report = run(name, seed, options.epochs, options.folder)
            means.append([name, str(seed), *(f"{x:.2f}" for x in scores(report))])
        relative = np.array(found) / min(found)
        weights.append([name, *(f"{weight:.2f}" for weight in relative)])
    n = f"{options.songs} songs of {SECONDS:g} s, {options.epochs} epochs"
    print(f"Weights, relative to the smallest ({n})\n")
    print("\n".join(markdown_table(["weighting", *FOUR_SOURCES], weights)))
    print(f"Mean SDR in dB over {N_TESTS} unseen songs\n")
    titles = ["weighting", "seed", *FOUR_SOURCES, "all"]
    print("\n".join(markdown_table(titles, means)))


if __name__ == "__main__":
    main()
