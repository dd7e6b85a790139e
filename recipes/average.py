"""Averages trained networks, weight by weight.

    python recipes/average.py OUT.keras MODEL MODEL [MODEL ...]

For networks of which one began as the other: what lies between them is often better
than both on music that neither has heard (Wortsman et al. 2022, "Robust fine-tuning of
zero-shot models"). MODEL is a run folder of `keras-munet fit`, or a `.keras`.
"""

import argparse
from pathlib import Path

import numpy as np

from keras_munet.errors import ModelError
from keras_munet.export.trained import load_trained
from keras_munet.models.files import save_model


def average(models: list[Path], out: Path) -> None:
    """Writes the network whose weights and statistics are the means of all others'."""
    trained = [load_trained(path) for path in models]
    first = trained[0]
    for path, other in zip(models, trained, strict=True):
        if other.config != first.config:
            raise ModelError(
                f"{path} has other settings than {models[0]}. Average networks of the "
                "same sources, STFT and size."
            )
    everybody = zip(*(one.network.get_weights() for one in trained), strict=True)
    first.network.set_weights([np.mean(values, axis=0) for values in everybody])
    save_model(first.network, first.config, out)


def main() -> None:
    """Averages and says where the result is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    options = parser.parse_args()
    average(options.models, options.out)
    print(options.out)


if __name__ == "__main__":
    main()
