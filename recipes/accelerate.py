"""Trains networks on, side by side, with JAX: for a GPU where no TensorFlow is.

    pip install 'jax[cuda13]' optax
    python recipes/accelerate.py PACKS OUT NAME=MODEL.keras ... --minutes 6

The networks, their front end and the loss are the package's, through Keras's JAX
backend; what `fit` does in TensorFlow is here in one file, all of it on the GPU. PACKS
is a folder of what `pack.py` wrote; `valid*.zip` validate. Every batch is drawn anew:
each stem at its own gain, through its own equaliser, at another speed, all of one
moment of a song or each from a song of its own. Beside PACKS nothing is read, and
nothing is written before the end: `OUT/NAME/model.keras` and `OUT/NAME/history.csv`.
"""

import argparse
import io
import os
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import numpy as np
import optax
import soundfile

from keras_munet.config import FOUR_SOURCES, ModelConfig, STFTConfig
from keras_munet.data.augment import GAIN_RANGE, MOST_BAND_GAIN, SPEED_RANGE
from keras_munet.data.spectral import BANDS_HZ, band_weights
from keras_munet.errors import DataError
from keras_munet.layers import STFT, LogFrequencyWarp
from keras_munet.models import build_network, load_model, save_model
from keras_munet.models.precision import dtype_policy, in_float32
from keras_munet.models.separator import log_features
from keras_munet.training.losses import energy_loss
from keras_munet.training.optimizer import WARM_UP
from keras_munet.training.run_folder import Row, RunFolder
from keras_munet.training.weighting import EnergyBasedP1

STEMS = FOUR_SOURCES
VOCALS, N_STEMS = STEMS.index("vocals"), len(STEMS)

UNIT = 1024
"""Parts into which a sample is divided by resampling."""

TAPS = 32
TOGETHER = 0.25
"""Share of examples whose stems are all of one moment of one song."""

BAND_TOGETHER = 0.5
"""Share of the others in which drums, bass and other are."""

SILENT = (0.12, 0.15, 0.12, 0.08)
"""How often each stem is left out."""

SECOND_VOICE = 0.15
CLIP_NORM = 5.0
EVERY = 50
"""Steps between two looks at the clock."""

LOOKS = 20
"""How often the networks are looked at, besides the beginning."""


class Songs(NamedTuple):
    """Songs one after the other.

    Attributes:
        sound: int16, `(4, samples)`.
        starts: first sample of each song.
        lengths: in samples.
    """

    sound: Any
    starts: Any
    lengths: Any


def read(packs: list[Path], stft: STFTConfig) -> tuple[Songs, float]:
    """Decodes packs. Gives songs, and their rate as a multiple of the network's.

    Raises:
        DataError: when there are none, or one is too short to be slowed down.
    """
    coded = []
    for pack in packs:
        with zipfile.ZipFile(pack) as archive:
            names = sorted({name.rsplit("/", 1)[0] for name in archive.namelist()})
            coded += [
                [archive.read(f"{name}/{stem}.ogg") for stem in STEMS] for name in names
            ]

    if not coded:
        raise DataError("There are no songs to learn from, or none in a valid*.zip.")
    ratio = soundfile.info(io.BytesIO(coded[0][0])).samplerate / stft.sample_rate

    def decoded(stems: list[bytes]) -> np.ndarray:
        parts = [soundfile.read(io.BytesIO(stem), dtype="float32")[0] for stem in stems]
        length = min(map(len, parts))
        loudest = max(1.0, max(np.abs(part).max() for part in parts))
        scale = 32767 / loudest
        return np.stack([np.int16(part[:length] * scale) for part in parts])

    with ThreadPoolExecutor() as pool:
        songs = list(pool.map(decoded, coded))
    lengths = np.array([song.shape[1] for song in songs])
    if lengths.min() < (needed := longest(stft, ratio)):
        raise DataError(f"A song has {lengths.min()} samples. Pack {needed} or more.")
    starts = np.cumsum(lengths) - lengths
    return Songs(np.concatenate(songs, axis=1), starts, lengths), ratio


def longest(stft: STFTConfig, ratio: float) -> int:
    """Returns how many samples of a song an example needs at most."""
    return int(stft.chunk_length * ratio * SPEED_RANGE[1]) + TAPS + 1


def resampled(sound: Any, step: Any, n_samples: int) -> Any:
    """Plays samples at another speed.

    Args:
        sound: float32, `(samples,)`.
        step: from one sample of the result to the next, in parts of a sample.
        n_samples: of the result.
    """
    places = jnp.arange(n_samples, dtype=jnp.int32) * step
    first, part = places // UNIT, (places % UNIT).astype(jnp.float32) / UNIT
    cut = jnp.minimum(1.0, UNIT / step.astype(jnp.float32))
    result = jnp.zeros(n_samples)
    for tap in range(TAPS):
        away = tap - (TAPS // 2 - 1) - part
        window = jnp.cos(jnp.pi * away / (TAPS + 1)) ** 2
        result += sound[first + tap] * cut * jnp.sinc(cut * away) * window
    return result


class Desk:
    """Draws batches.

    Args:
        stft: of the networks.
        ratio: rate of the songs, as a multiple of the networks'.
        batch_size: examples in a batch.
    """

    def __init__(self, stft: STFTConfig, ratio: float, batch_size: int) -> None:
        self.batch_size, self.n_samples = batch_size, stft.chunk_length
        self.ratio, self.longest = ratio, longest(stft, ratio)
        self.transform = STFT(stft.n_fft, stft.hop_length)
        self.warp = LogFrequencyWarp(stft.n_bins, stft.n_rows, stft.warp)
        self.bands = band_weights(stft.n_fft, stft.sample_rate)

    def _piece(self, songs: Songs, stem: Any, song: Any, where: Any, step: Any) -> Any:
        """One stem from somewhere in a song (0 to 1), at a speed."""
        room = songs.lengths[song] - self.longest
        start = songs.starts[song] + (where * room).astype(jnp.int32)
        piece = jax.lax.dynamic_slice(songs.sound, (stem, start), (1, self.longest))
        return resampled(piece[0].astype(jnp.float32) / 32768, step, self.n_samples)

    def _example(self, key: Any, songs: Songs) -> Any:
        """Stems, `(4, samples)`."""
        keys = iter(jax.random.split(key, 16))
        n_signals = N_STEMS + 1  # the last is a second voice
        song = jax.random.randint(next(keys), (n_signals,), 0, len(songs.lengths))
        where = jax.random.uniform(next(keys), (n_signals,))
        low, high = np.log(SPEED_RANGE)
        speeds = jnp.exp(jax.random.uniform(next(keys), (3,), minval=low, maxval=high))
        together = jax.random.uniform(next(keys)) < TOGETHER
        band = together | (jax.random.uniform(next(keys)) < BAND_TOGETHER)
        follows = jnp.array([together, together, band, band, False])
        leader = jnp.array([1, 1, 1, 1, 4])
        song = jnp.where(follows, song[leader], song)
        where = jnp.where(follows, where[leader], where)
        speeds = speeds[jnp.array([0, 1, 1, 1, 2])]
        speeds = jnp.where(together, speeds[1], speeds)
        steps = jnp.round(UNIT * self.ratio * speeds).astype(jnp.int32)
        gains = jax.random.uniform(
            next(keys), (n_signals,), minval=GAIN_RANGE[0], maxval=GAIN_RANGE[1]
        )
        gains *= jax.random.rademacher(next(keys), (n_signals,))
        silent = jnp.array([*SILENT, 1 - SECOND_VOICE])
        gains *= jax.random.uniform(next(keys), (n_signals,)) >= silent
        pieces = jax.vmap(self._piece, (None, 0, 0, 0, 0))
        stems = jnp.array([*range(N_STEMS), VOCALS])
        signals = gains[:, None] * pieces(songs, stems, song, where, steps)
        second = signals[-1] * (gains[VOCALS] != 0)
        return signals[:-1].at[VOCALS].add(second)

    def _warped(self, stems: Any, curves: Any) -> Any:
        """Magnitudes of the stems and of two sums: accompaniment and mixture.

        Args:
            stems: `(batch, 4, samples)`.
            curves: factors, `(batch, 4, bins)`.

        Returns:
            `(batch, rows, frames, 6)`.
        """
        signals = stems.reshape(-1, self.n_samples)
        with jax.default_matmul_precision("float32"):
            parts = self.transform(signals)
        shape = (len(stems), N_STEMS, *parts[0].shape[1:])
        parts = [part.reshape(shape) * curves[..., None] for part in parts]
        band = [part[:, 1:].sum(axis=1, keepdims=True) for part in parts]
        whole = [part.sum(axis=1, keepdims=True) for part in parts]
        real, imaginary = (
            jnp.concatenate(three, axis=1).transpose(0, 2, 3, 1)
            for three in zip(parts, band, whole, strict=True)
        )
        with jax.default_matmul_precision("float32"):
            return self.warp(jnp.sqrt(real**2 + imaginary**2))

    def batch(self, key: Any, songs: Songs) -> Any:
        """Returns magnitudes of stems, accompaniment and mixture, drawn anew."""
        drawn, curve = jax.random.split(key)
        keys = jax.random.split(drawn, self.batch_size)
        stems = jax.vmap(self._example, (0, None))(keys, songs)
        shape, most = (self.batch_size, N_STEMS, len(BANDS_HZ)), MOST_BAND_GAIN
        bands = jax.random.uniform(curve, shape, minval=-most, maxval=most)
        return self._warped(stems, jnp.exp(bands @ self.bands))

    def plain(self, songs: Songs, song: Any, where: Any) -> Any:
        """Returns the same of moments of songs, as they are."""

        def stems(one: Any, moment: Any) -> Any:
            step = jnp.int32(UNIT * self.ratio)
            pieces = jax.vmap(self._piece, (None, 0, None, None, None))
            return pieces(songs, jnp.arange(N_STEMS), one, moment, step)

        flat = jnp.ones((len(song), N_STEMS, self.bands.shape[1]))
        return self._warped(jax.vmap(stems)(song, where), flat)


class Learner:
    """One network and how it learns.

    Args:
        name: of its folder.
        trained: what it starts from.
        config: of the network.
        energies: of the stems and the accompaniment, for its weighting.

    Attributes:
        history: a row for each look at it.
    """

    def __init__(
        self, name: str, trained: Any, config: ModelConfig, energies: np.ndarray
    ) -> None:
        self.name, self.config, self.history = name, config, list[Row]()
        with dtype_policy("mixed_bfloat16"):
            self.network = build_network(config)
        self.network.set_weights(trained.get_weights())
        places = (*STEMS, "accompaniment")
        self.places = [places.index(source) for source in config.sources]
        weighting = EnergyBasedP1(
            len(self.places), normalize=True, energies=energies[self.places]
        )
        self.weights = weighting(None)
        self.optimizer = optax.chain(
            optax.clip_by_global_norm(CLIP_NORM), optax.scale_by_adam()
        )
        network = self.network
        parameters = [v.value for v in network.trainable_variables]
        statistics = [v.value for v in network.non_trainable_variables]
        self.state = parameters, statistics, self.optimizer.init(parameters)
        self.step = jax.jit(self._step, donate_argnums=0)
        self.losses = jax.jit(self._losses)

    def _masks(self, state: Any, magnitudes: Any, training: bool) -> Any:
        features = log_features(magnitudes[..., -1:], self.config)
        return self.network.stateless_call(*state, features, training=training)

    def _per_source(self, masks: Any, magnitudes: Any) -> Any:
        sources = magnitudes[..., jnp.array(self.places)]
        return energy_loss(masks, sources, magnitudes[..., -1:])

    def _step(self, state: Any, magnitudes: Any, rate: Any) -> Any:
        parameters, statistics, moments = state

        def loss(parameters: Any) -> Any:
            masks, after = self._masks((parameters, statistics), magnitudes, True)
            losses = self._per_source(masks, magnitudes)
            return (losses * self.weights).sum(), (losses, after)

        gradients, (losses, after) = jax.grad(loss, has_aux=True)(parameters)
        updates, moments = self.optimizer.update(gradients, moments)
        parameters = [p - rate * u for p, u in zip(parameters, updates, strict=True)]
        return (parameters, after, moments), losses

    def _losses(self, state: Any, magnitudes: Any) -> Any:
        masks, _ = self._masks(state[:2], magnitudes, False)
        return self._per_source(masks, magnitudes)

    def look(self, row: Row, train: np.ndarray, valid: np.ndarray) -> None:
        """Notes, in a row, the losses of each source in training and validation."""
        for name, losses in (("loss", train), ("val_loss", valid)):
            row[name] = float(losses.sum())
            for source, loss in zip(self.config.sources, losses, strict=True):
                row[f"{name}_{source}"] = float(loss)
        self.history.append(row)
        text = f"{row['loss']:.4f}, validation {row['val_loss']:.4f}"
        print(f"{row['seconds']:.0f} s, step {row['step']}, {self.name}: {text}")

    def save(self, out: Path) -> None:
        """Writes the network, as a `.keras` in float32, and its history."""
        variables = self.network.trainable_variables
        variables = variables + self.network.non_trainable_variables
        for variable, value in zip(
            variables, [*self.state[0], *self.state[1]], strict=True
        ):
            variable.assign(value)
        files = RunFolder(out / self.name)
        files.path.mkdir(parents=True, exist_ok=True)
        save_model(in_float32(self.network, self.config), self.config, files.model)
        files.write_history(self.history)


def energies(songs: Songs) -> np.ndarray:
    """Mean squares of the stems and of the accompaniment."""
    sound = songs.sound[:, ::7].astype(np.float32) / 32768
    return np.array(
        [*np.square(sound).mean(axis=1), np.square(sound[1:].sum(0)).mean()]
    )


def validation(
    desk: Desk, songs: Songs, batch_size: int
) -> Callable[[Learner], np.ndarray]:
    """Returns what gives a learner's losses on moments of songs, always the same."""
    moments = np.linspace(0, 1, 12)
    song, where = np.meshgrid(np.arange(len(songs.lengths)), moments, indexing="ij")
    plain = jax.jit(desk.plain)
    n = song.size // batch_size * batch_size
    batches = [
        plain(songs, jnp.array(s), jnp.array(w, jnp.float32))
        for s, w in zip(
            song.ravel()[:n].reshape(-1, batch_size),
            where.ravel()[:n].reshape(-1, batch_size),
            strict=True,
        )
    ]

    def losses(learner: Learner) -> np.ndarray:
        return np.mean([learner.losses(learner.state, b) for b in batches], axis=0)

    return losses


def train(
    learners: list[Learner],
    draw: Callable[[int], Any],
    validate: Callable[[Learner], np.ndarray],
    *,
    minutes: float | None,
    steps: int | None,
    rate: float,
) -> None:
    """Trains for some steps or minutes; the rate falls as a cosine of what passed."""
    for learner in learners:  # compiles
        copy = jax.tree.map(jnp.copy, learner.state)
        learner.step(copy, draw(0), np.float32(0))[1].block_until_ready()
        validate(learner)
    start, step, looks, progress = time.monotonic(), 0, 0, 0.0
    sums, n_summed = [0.0] * len(learners), 0
    while True:
        if progress >= looks / LOOKS:
            seconds = round(time.monotonic() - start, 1)
            for learner, total in zip(learners, sums, strict=True):
                mean = np.asarray(total) / n_summed if n_summed else np.nan
                mean = np.broadcast_to(mean, len(learner.places))
                row = {"epoch": looks, "step": step, "seconds": seconds}
                learner.look(row, mean, validate(learner))
            sums, n_summed, looks = [0.0] * len(learners), 0, looks + 1
        if progress >= 1:
            return
        warm = min(1.0, progress / WARM_UP)
        now = np.float32(rate * warm * (1 + np.cos(np.pi * progress)) / 2)
        for _ in range(EVERY):
            step += 1
            magnitudes = draw(step)
            for k, learner in enumerate(learners):
                learner.state, losses = learner.step(learner.state, magnitudes, now)
                sums[k] += losses
        n_summed += EVERY
        jax.block_until_ready(sums)
        passed = time.monotonic() - start
        progress = step / steps if steps else passed / (60 * minutes)


def main() -> None:
    """Reads packs, trains, writes networks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("models", nargs="+", metavar="NAME=MODEL.keras")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--minutes", type=float)
    length.add_argument("--steps", type=int)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    packs = sorted(options.packs.glob("*.zip"))
    valid = [pack for pack in packs if pack.name.startswith("valid")]
    named = (model.split("=", 1) for model in options.models)
    models = {name: load_model(Path(path)) for name, path in named}
    stft = next(iter(models.values()))[1].stft
    songs, ratio = read([pack for pack in packs if pack not in valid], stft)
    unheard, _ = read(valid, stft)
    found = energies(songs)
    learners = [Learner(name, *model, found) for name, model in models.items()]
    desk = Desk(stft, ratio, options.batch_size)
    songs, unheard = (Songs(*map(jnp.asarray, one)) for one in (songs, unheard))
    print(f"{len(songs.lengths)} songs, {songs.sound.shape[1]} samples")
    batch, key = jax.jit(desk.batch), jax.random.key(options.seed)
    train(
        learners,
        lambda step: batch(jax.random.fold_in(key, step), songs),
        validation(desk, unheard, options.batch_size),
        minutes=options.minutes,
        steps=options.steps,
        rate=options.learning_rate,
    )
    for learner in learners:
        learner.save(options.out)


if __name__ == "__main__":
    main()
