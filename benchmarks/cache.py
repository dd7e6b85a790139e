"""How fast `prepare` makes a cache, and how fast training reads it.

    python benchmarks/cache.py [--tracks 4] [--seconds 60] [--repeats 5]

Generated tracks (44.1 kHz stereo wav, four stems and the mixture) are prepared with
one process and with one per processor; printed is how many seconds of music, with
its five signals, are done in a second. Then epochs of 16-chunk batches are read in
random order; printed are chunks of 6 s with five signals per second: the median of
the repeats, the best and the worst, and the processor time of one chunk.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from keras_munet.config import FOUR_SOURCES, DataConfig
from keras_munet.data.cache import prepare
from keras_munet.data.dataset import Dataset
from keras_munet.data.reader import ChunkBatches
from keras_munet.music.collection import write_tracks
from keras_munet.workers import n_cores

BATCH = 16
EPOCH = 400
"""Chunks per measured epoch; the shards are listed again and again to get there."""

AUGMENTATIONS = ((), ("gain", "polarity"), ("remix",), ("gain", "polarity", "remix"))


def prepare_speed(songs: Path, cache: Path, workers: int, music_s: float) -> Dataset:
    """Prints how many times real time `prepare` runs."""
    config = DataConfig(sources=FOUR_SOURCES)
    start = time.perf_counter()
    dataset = prepare(songs, cache, config, workers=workers)
    elapsed = time.perf_counter() - start
    print(f"prepare, {workers} process(es): {music_s / elapsed:6.0f} x real time")
    return dataset


def long_enough(dataset: Dataset) -> Dataset:
    """Lists the training shards several times over, so that an epoch lasts."""
    n = dataset.n_chunks("train")
    return replace(dataset, shards=dataset.shards * max(1, -(-EPOCH // n)))


def read_epoch(dataset: Dataset, epoch: int, augment: Collection[str]) -> tuple:
    """Returns chunks per second, and processor seconds per chunk."""
    batches = ChunkBatches(
        dataset,
        "train",
        batch_size=BATCH,
        epoch=epoch,
        seed=0,
        shuffle=True,
        keep_silent=True,
        augment=augment,
    )
    start, processor, n = time.perf_counter(), time.process_time(), 0
    for batch in batches:
        n += batch.shape[0]
    elapsed = time.perf_counter() - start
    return n / elapsed, (time.process_time() - processor) / n


def reading_speed(dataset: Dataset, repeats: int) -> None:
    """Prints the reading speed of each augmentation, in turn, several times."""
    results: dict[tuple, list] = {augment: [] for augment in AUGMENTATIONS}
    read_epoch(dataset, 0, ())  # the first epoch pays for the disk
    for repeat in range(repeats):
        for augment in AUGMENTATIONS:
            results[augment].append(read_epoch(dataset, repeat, augment))
    for augment, measured in results.items():
        speeds = [speed for speed, _ in measured]
        cost = statistics.median(cost for _, cost in measured)
        print(
            f"read, {'+'.join(augment) or 'no augmentation':25} "
            f"{statistics.median(speeds):5.0f} chunks/s "
            f"({min(speeds):.0f} to {max(speeds):.0f}), "
            f"{1000 * cost:.2f} ms of processor time per chunk"
        )


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tracks", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    music_s = options.tracks * options.seconds
    with tempfile.TemporaryDirectory() as name:
        songs = Path(name) / "songs"
        start = time.perf_counter()
        write_tracks(songs, options.tracks, seconds=options.seconds, seed=0)
        elapsed = time.perf_counter() - start
        n = n_cores()
        print(f"synth,   {n} process(es): {music_s / elapsed:6.0f} x real time")
        for workers in sorted({1, n}):
            cache = Path(name) / f"cache-{workers}"
            dataset = prepare_speed(songs, cache, workers, music_s)
        reading_speed(long_enough(dataset), options.repeats)


if __name__ == "__main__":
    main()
