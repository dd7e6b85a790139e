"""Takes the statistics of BatchNorm anew, over songs as they are.

    python weights/settle.py OUT.keras MODEL CACHE [--batches 150]

Training leaves those of its last batches, which were mixed across songs and changed in
many ways. Here they are means over many batches without any of that; all else in the
network stays. MODEL is a run folder of `keras-munet fit`, or a `.keras`; CACHE was
written by `keras-munet prepare` for the sources of the model.
"""

import argparse
from pathlib import Path

import keras

from keras_munet.config import FitConfig
from keras_munet.data.batches import CachedBatches
from keras_munet.data.cache import open_dataset
from keras_munet.export.trained import load_trained
from keras_munet.models import FrontEnd
from keras_munet.models.files import save_model
from keras_munet.models.separator import log_features

SEED = 1


def settle(model: Path, cache: Path, out: Path, *, n_batches: int) -> None:
    """Writes the network with statistics over so many batches of training chunks."""
    trained = load_trained(model)
    config = FitConfig(model=trained.config, batch_size=8, keep_silent=True, seed=SEED)
    data = CachedBatches(open_dataset(cache), config)
    front_end = FrontEnd(trained.config.stft)
    layers = [
        layer
        for layer in trained.network.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momentum = layers[0].momentum
    batches = data.batches("train", epoch=0, config=config).take(n_batches)
    for index, waveforms in enumerate(batches):
        for layer in layers:
            layer.momentum = index / (index + 1)  # makes a running mean of all
        mixture = front_end(waveforms)[..., -1:]
        trained.network(log_features(mixture, trained.config), training=True)
    for layer in layers:
        layer.momentum = momentum
    save_model(trained.network, trained.config, out)


def main() -> None:
    """Settles and says where the result is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--batches", type=int, default=150)
    options = parser.parse_args()
    settle(options.model, options.cache, options.out, n_batches=options.batches)
    print(options.out)


if __name__ == "__main__":
    main()
