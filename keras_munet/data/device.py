"""Training batches from whole songs that lie on the accelerator: `fit --reader device`.

What is drawn for an epoch is drawn as for every other reader, by NumPy, a few numbers
for each chunk; all samples are read, played, equalised and summed on the accelerator.
"""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from keras_munet.config import FitConfig
from keras_munet.data.augment import SPEED_RANGE
from keras_munet.data.batches import CachedBatches
from keras_munet.data.dataset import Dataset
from keras_munet.data.reader import PICK, ChunkBatches
from keras_munet.errors import DataError
from keras_munet.layers.playing import UNIT, Equalizer, Player

HIGHEST_RATIO = 2.0
"""Rate of a cache, as a multiple of the network's, at most."""


class DeviceBatches(CachedBatches):
    """The batches of one run, made on the accelerator, as arrays of the backend.

    (But a `tf.data.Dataset` for TensorFlow, which lives on the host.)

    A cache may be of a higher rate than the network hears, so that songs can be slowed
    down and still fill its band. A chunk begins where one of the cache does and goes on
    in its song, whatever its speed. Training leaves out a last batch that is not full,
    for which everything would have to be compiled again.

    Args:
        dataset: an open cache.
        config: of the run; its sources are the cache's, or sums of these.

    Raises:
        DataError: when the rates do not go together.
    """

    only_full = True

    def __init__(self, dataset: Dataset, config: FitConfig) -> None:
        rates = dataset.config.stft.sample_rate, config.model.stft.sample_rate
        if not rates[1] <= rates[0] <= HIGHEST_RATIO * rates[1]:
            raise DataError(
                f"{dataset.folder} has {rates[0]} Hz and the network hears {rates[1]} "
                "Hz. --reader device needs the same rate or up to twice as much: "
                f"prepare with --sample-rate {rates[1]}."
            )
        super().__init__(dataset, config)
        self.chunk_length = config.model.stft.chunk_length
        self.step = round(UNIT * rates[0] / rates[1])
        self.songs, sound = _read(dataset)
        self.sound = [ops.convert_to_tensor(recording) for recording in sound]
        self.play = {
            "train": _compiled(_player(config, self.step, config.augment)),
            "valid": _compiled(_player(config, self.step, ())),
        }

    def epoch(self, split: str, **settings: Any) -> ChunkBatches:
        """Makes the batches of an epoch; the settings are those of `ChunkBatches`."""
        return _Played(self, split, **settings)


class _Played(ChunkBatches):
    """The batches of an epoch, made on the accelerator."""

    def __init__(self, data: DeviceBatches, split: str, **settings: Any) -> None:
        super().__init__(data.dataset, split, **settings)
        self.data, self.play = data, data.play[split]
        self.shape = data.chunk_length, self.shape[1]
        self.mix[:, -1] = 1.0
        self.gains[:, -1] = 1.0  # of the rest, where there is one
        self.gains /= np.float32(data.dataset.full_scale)
        steps = np.rint(data.step * self.plan.speeds).astype(np.int32)
        highest = round(data.step * SPEED_RANGE[1])
        self.steps = steps.clip(max=highest)

    def __iter__(self) -> Iterator[Any]:
        """Gives batches; what computes them does not wait for the one before."""
        return map(self.batch, range(len(self)))

    def batch(self, number: int) -> Any:
        """Returns one batch, whatever was read before."""
        rows = slice(number * self.batch_size, (number + 1) * self.batch_size)
        used = slice(len(self.data.sound))
        shards, starts = (places[:, used] for places in self.places(rows))
        picks = PICK[self.plan.channels[rows]]
        if self.dataset.config.n_channels == 1:
            picks = picks.sum(axis=1, keepdims=True)
        return self.play(
            self.data.sound,
            self.data.songs[shards],
            starts.astype(np.int32),
            self.steps[rows, used],
            picks,
            self.plan.band_gains[rows, used],
            self.gains[rows, used],
            self.mix[used],
        )


def _read(dataset: Dataset) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
    """Reads all songs that are trained and validated on.

    Returns:
        First sample and length of each song, `(shards, 2)`, and one recording of all
        songs for each source and for what these leave of the mixture, if anything,
        `(signals, samples, channels)`.

    Raises:
        DataError: when there is more than can be numbered with 31 bits.
    """
    n_channels, length, n_signals = dataset.chunk_shape
    lengths = [
        shard.n_chunks * length * (shard.split in ("train", "valid"))
        for shard in dataset.shards
    ]
    if (n_samples := sum(lengths)) > np.iinfo(np.int32).max:
        raise DataError(
            f"{dataset.folder} has {n_samples} samples, too many for --reader device. "
            "Use --reader cache."
        )
    starts = np.cumsum(lengths) - lengths
    covers = dataset.covers_mixture
    sound = np.empty((n_signals - covers, n_samples, n_channels), np.int16)
    for number, (start, size) in enumerate(zip(starts, lengths, strict=True)):
        if not size:
            continue
        chunks = dataset.mapped(number).transpose(3, 0, 2, 1)
        song = chunks.reshape(n_signals, size, n_channels)
        sound[: n_signals - 1, start : start + size] = song[:-1]
        if not covers:
            rest = song[-1].astype(np.int32) - song[:-1].sum(axis=0, dtype=np.int32)
            sound[-1, start : start + size] = rest.clip(-32767, 32767)
    songs = np.column_stack([starts, lengths]).astype(np.int32)
    return songs, sound


def _player(
    config: FitConfig, step: int, augment: tuple[str, ...]
) -> Callable[..., Any]:
    """Returns the function that makes a batch of what was drawn for it."""
    stft = config.model.stft
    highest = round(step * SPEED_RANGE[1]) if "speed" in augment else step
    player = Player(stft.chunk_length, highest)
    equalizer = Equalizer(stft.sample_rate) if "equalizer" in augment else None

    def play(
        sound: list[Any],
        songs: Any,
        starts: Any,
        steps: Any,
        picks: Any,
        band_gains: Any,
        gains: Any,
        mix: Any,
    ) -> Any:
        signals = []
        for k, recording in enumerate(sound):
            heard = player(recording, songs[:, k], starts[:, k], steps[:, k])
            signal = ops.sum(heard * picks[:, None], axis=-1)
            if equalizer is not None:
                signal = equalizer(signal, band_gains[:, k])
            signals.append(signal * gains[:, k, None])
        return ops.matmul(ops.stack(signals, axis=-1), mix)

    return play


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the function as the backend runs it best."""
    if keras.backend.backend() == "jax":
        import jax

        def exact(*arguments: Any) -> Any:
            with jax.default_matmul_precision("float32"):
                return function(*arguments)

        jitted: Callable[..., Any] = jax.jit(exact)
        return jitted
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        graph: Callable[..., Any] = tf.function(function)
        return graph
    return function
