"""Energies of the sources on the axis where the loss lives."""

import dataclasses

import numpy as np
from keras import ops

from keras_munet.config import FitConfig
from keras_munet.models import FrontEnd
from keras_munet.training.data import TrainingData


def warped_energies(data: TrainingData, config: FitConfig) -> dict[str, float]:
    """Returns E_i as the loss hears it: the sum of |S_i|^2 on the log-frequency axis.

    Mean over the training chunks, not augmented. The paper's E_i are of the waveform,
    which is the same sum on the linear axis up to a factor; the log-frequency axis
    has more rows for low notes, so a bass weighs more there and cymbals less. Weights
    depend on ratios of energies only. Goes through the training set once.

    Args:
        data: of the run.
        config: of the run; a network with one loss has no use for energies.
    """
    front_end = FrontEnd(config.model.stft)
    total, n_chunks = np.zeros(len(config.model.sources)), 0
    plain = dataclasses.replace(config, augment=())
    for batch in data.batches("train", epoch=0, config=plain):
        magnitudes = ops.convert_to_numpy(front_end(batch[..., :-1]))
        total += np.square(magnitudes, dtype=np.float64).sum(axis=(0, 1, 2))
        n_chunks += len(magnitudes)
    means = total / n_chunks
    return dict(zip(config.model.sources, means.tolist(), strict=True))
