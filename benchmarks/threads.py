"""Songs side by side: one `Separator` for all threads, or one for each?

    python benchmarks/threads.py [--models vocals 4stems] [--seconds 60] [--songs 4]

Prints, for as many songs as `--songs`, how many seconds of audio are separated per
second, and the peak memory of the process: one song after the other; `--songs`
threads that share a `Separator`; and as many threads with one each, the cores
divided among them. Each measurement is a process of its own, the three in turn;
medians over `--rounds`.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from keras_munet.separation.separator import Separator
from keras_munet.workers import n_cores

RATE = 44100
WAYS = ("in turn", "shared", "one each")
MIB = 2**20


def song(seconds: float, seed: int) -> np.ndarray:
    """Returns noise, 44.1 kHz stereo."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    return 0.1 * rng.standard_normal((n, 2), dtype=np.float32)


def measure(way: str, model: str, seconds: float, n_songs: int) -> None:
    """Separates songs in this process; prints the speed and its peak memory."""
    songs = [song(seconds, seed) for seed in range(n_songs)]
    if way == "one each":
        share = max(1, n_cores() // n_songs)
        separators = [Separator.load(model, threads=share) for _ in songs]
    else:
        separators = [Separator.load(model)] * n_songs
    for separator in set(separators):
        separator.separate(song(1, 0), RATE)  # warms it up
    begin = time.perf_counter()
    with ThreadPoolExecutor(1 if way == "in turn" else n_songs) as pool:
        jobs = zip(separators, songs, strict=True)
        list(pool.map(lambda job: len(job[0].separate(job[1], RATE)), jobs))
    taken_s = time.perf_counter() - begin
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print(n_songs * seconds / taken_s, peak)


def main() -> None:
    if sys.argv[1:2] == ["measure"]:
        way, model, seconds, n_songs = sys.argv[2:]
        measure(way, model, float(seconds), int(n_songs))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["vocals", "4stems"])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--songs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{options.songs} songs of {options.seconds:.0f} s, {n_cores()} cores")
    for model in options.models:
        rounds = [
            {way: _child(way, model, options.seconds, options.songs) for way in WAYS}
            for _ in range(options.rounds)
        ]
        for way in WAYS:
            speed = statistics.median(speeds[way][0] for speeds in rounds)
            ratio = statistics.median(s[way][0] / s[WAYS[0]][0] for s in rounds)
            peak = max(speeds[way][1] for speeds in rounds)
            print(
                f"{model}, {way}: {ratio:.2f} times as fast as in turn "
                f"({speed:.1f} s per s), {peak / MIB:.0f} MiB"
            )


def _child(way: str, model: str, seconds: float, n_songs: int) -> tuple[float, float]:
    words = ["measure", way, model, str(seconds), str(n_songs)]
    command = [sys.executable, __file__, *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    speed, peak = done.stdout.split()
    return float(speed), float(peak)


if __name__ == "__main__":
    main()
