"""What a trained network does to one song: sheets of its masks and spectrograms."""

from pathlib import Path

import numpy as np

from keras_munet.errors import MunetError
from keras_munet.evaluation import figures
from keras_munet.evaluation.alignment import Form
from keras_munet.evaluation.model_estimates import ModelEstimator
from keras_munet.evaluation.scoring import Estimator, Track


def draw_sheets(estimator: Estimator | None, track: Track, folder: Path) -> list[Path]:
    """Draws the masks of a song's middle window, and references beside estimates.

    Args:
        estimator: the model.
        track: a song of the test set.
        folder: where `masks.png` and `spectrograms.png` appear.

    Returns:
        Their paths.

    Raises:
        MunetError: when the estimator is no model.
    """
    if not isinstance(estimator, ModelEstimator):
        raise MunetError("Only a model has masks to draw.")
    config = estimator.runtime.config
    rate, n = config.stft.sample_rate, config.stft.chunk_length
    names = (*config.sources, "mixture")
    references = track.load_resampled(names, sample_rate=rate)
    mixture = references.pop("mixture")
    stems = estimator.stems(track.name, references, mixture, Form(rate, True), rate)
    start = max(0, (len(mixture) - n) // 2)
    window = np.zeros((1, n), np.float32)
    middle = slice(start, start + n)
    window[0, : len(mixture[middle])] = mixture[middle, 0]
    signals = {"mixture": window[0]}
    for index, source in enumerate(config.sources):
        signals[source] = references[source][middle, 0]
        signals[f"{source}, estimate"] = stems.audio[index][middle, 0]
    sizes = {"n_fft": config.stft.n_fft, "hop_length": config.stft.hop_length}
    return [
        figures.plot_masks(
            estimator.runtime.masks(window)[0], config.sources, folder / "masks.png"
        ),
        figures.plot_spectrograms(signals, rate, folder / "spectrograms.png", **sizes),
    ]
