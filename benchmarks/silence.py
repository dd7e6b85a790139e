"""What a floor under the features does: to the scores, and between two programs.

    python benchmarks/silence.py MODEL SONGS [--floors none,-80] [--seconds 15]

MODEL is a run folder, a .keras or the name of a shipped model; SONGS a data set as
`evaluate` takes it. Every song is separated by Keras at the model's rate, as it is and
with digital silence at start, middle and end. Printed per floor: SDR per source (10
log10 of signal to error, mean over songs), and how far the same song with -180 dB of
noise on it, which stands for another program's rounding, is from the song (lowest SNR
of all songs and sources).
"""

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_munet.config import DataConfig, ModelConfig
from keras_munet.data.tracks import find_tracks
from keras_munet.errors import MunetError
from keras_munet.export.signals import cut
from keras_munet.export.trained import Trained, load_trained
from keras_munet.export.verify import snr_db
from keras_munet.models import separator_model

NOISE = 1e-9
SILENCES = ((0.0, 0.09), (0.41, 0.53), (0.89, 1.0))
"""Shares of a song that are made silent."""


def silenced(signal: np.ndarray) -> np.ndarray:
    """Returns a copy with zeros at start, middle and end."""
    copy = signal.copy()
    for start, end in SILENCES:
        copy[int(start * len(copy)) : int(end * len(copy))] = 0
    return copy


def read(songs: Path, config: ModelConfig, seconds: float) -> list[dict]:
    """Reads the middle of every song: source -> mono at the model's rate."""
    rate, found = config.stft.sample_rate, []
    names = (*config.sources, "mixture")
    for track in find_tracks(songs, DataConfig(sources=config.sources)):
        try:
            stems = track.load_resampled(names, sample_rate=rate)
        except MunetError as error:
            print(f"left out: {error}")
            continue
        start = max(0, (len(stems["mixture"]) - int(seconds * rate)) // 2)
        place = slice(start, start + int(seconds * rate))
        found.append({name: stem[place, 0] for name, stem in stems.items()})
    return found


def measure(trained: Trained, floor_db: float | None, songs: list[dict]) -> str:
    """Returns the row of one floor."""
    config = dataclasses.replace(trained.config, floor_db=floor_db)
    run = tf.function(separator_model(trained.network, config))

    def separate(mixture: np.ndarray) -> dict[str, np.ndarray]:
        outputs = run(cut(mixture, config.stft.chunk_length))
        return {s: outputs[s].numpy().ravel()[: len(mixture)] for s in config.sources}

    noise = np.random.default_rng(0).normal(0, NOISE, 10**7).astype(np.float32)
    cells = []
    for change in (np.copy, silenced):
        scores = {source: [] for source in config.sources}
        apart = []
        for song in songs:
            mixture = change(song["mixture"])
            ours = separate(mixture)
            theirs = separate(mixture + noise[: len(mixture)])
            for source in config.sources:
                if np.abs(song[source]).max() > 1e-3:
                    truth = change(song[source])
                    scores[source].append(snr_db(truth, ours[source]))
                    apart.append(snr_db(ours[source], theirs[source]))
        cells += [f"{np.mean(scores[source]):.2f}" for source in config.sources]
        cells.append(f"{min(apart):.0f}")
    return " | ".join([f"{floor_db}", *cells])


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("songs", type=Path)
    parser.add_argument("--floors", default="none,-80")
    parser.add_argument("--seconds", type=float, default=15)
    options = parser.parse_args()
    trained = load_trained(options.model)
    songs = read(options.songs, trained.config, options.seconds)
    sources = trained.config.sources
    heads = [f"{s}, dB" for s in sources] + ["agreement, dB"]
    silent = [f"{head} (with silence)" for head in heads]
    print(f"{options.model}: {len(songs)} songs")
    print(" | ".join(["floor", *heads, *silent]))
    for word in options.floors.split(","):
        floor_db = None if word == "none" else float(word)
        print(measure(trained, floor_db, songs), flush=True)


if __name__ == "__main__":
    main()
