"""Figures: images on disk, whole, of what they say."""

import numpy as np
import pytest

from keras_munet.errors import DataError
from keras_munet.evaluation import figures
from keras_munet.evaluation.compare import compare
from keras_munet.evaluation.report import Report, TrackReport

HEADER = {
    "protocol": "paper",
    "metrics": ["sdr"],
    "sources": ["vocals", "drums"],
    "references": ["vocals", "drums"],
    "sample_rate": 10880,
    "method": {"kind": "model", "name": "run"},
}


def make_report(rng, shift: float = 0.0) -> Report:
    report = Report(HEADER)
    for index in range(8):
        scores = {s: {"sdr": float(rng.normal(5 + shift))} for s in HEADER["sources"]}
        track = TrackReport({"estimates": scores}, "test", 1.0, 10880)
        report.tracks[f"song {index}"] = track
    return report


def is_picture(path) -> bool:
    from matplotlib.image import imread

    image = imread(path)
    return image.std() > 0.01 and min(image.shape[:2]) > 100


def test_every_figure_is_a_picture(rng, tmp_path):
    reports = {"a": make_report(rng), "b": make_report(rng, 1)}
    epochs = np.arange(1.0, 6)
    history = {"epoch": epochs, "loss": 1 / epochs, "val_loss": 2 / epochs}
    history |= {"weight_vocals": epochs, "weight_drums": 2 * epochs}
    tone = np.sin(np.arange(20_000) / 7)
    made = [
        figures.plot_scores(reports, tmp_path / "scores.png"),
        figures.plot_comparison(compare(reports), tmp_path / "differences.png"),
        figures.plot_losses({"run": history}, tmp_path / "losses.png"),
        figures.plot_weights(history, tmp_path / "weights.png"),
        figures.plot_energies(
            {"MUSDB18": {"vocals": 173.4, "bass": 252.7}}, tmp_path / "energies.png"
        ),
        figures.plot_masks(
            rng.random((64, 32, 2)), HEADER["sources"], tmp_path / "masks.png"
        ),
        figures.plot_spectrograms({"tone": tone}, 10880, tmp_path / "tone.png"),
        figures.plot_spectrograms(
            dict.fromkeys("abcde", tone), 10880, tmp_path / "tones.png"
        ),
    ]
    assert all(is_picture(path) for path in made)
    assert sorted(tmp_path.iterdir()) == sorted(made)  # nothing half-written


def test_an_unknown_format_is_named(rng, tmp_path):
    with pytest.raises(DataError, match=r"\.png, \.pdf, \.svg\. Received: x\.bmp"):
        figures.plot_scores({"a": make_report(rng)}, tmp_path / "x.bmp")
    assert not list(tmp_path.iterdir())


def test_history_comes_back_as_numbers(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,loss\n1,0.5\n2,0.25\n")
    history = figures.read_history(tmp_path / "history.csv")
    np.testing.assert_array_equal(history["loss"], [0.5, 0.25])


def test_a_history_that_is_none_is_named(tmp_path):
    with pytest.raises(DataError, match="No history at"):
        figures.read_history(tmp_path / "history.csv")
    (tmp_path / "history.csv").write_text("epoch,loss\n1,much\n")
    with pytest.raises(DataError, match="no history of a run"):
        figures.read_history(tmp_path / "history.csv")
    with pytest.raises(DataError, match="no columns `weight_<source>`"):
        figures.plot_weights({"epoch": np.arange(3.0)}, tmp_path / "w.png")
