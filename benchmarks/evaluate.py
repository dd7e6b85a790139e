"""Speed, memory and agreement of `evaluate` against the same with mir_eval.

Makes tracks of coloured noise with four stems (mono, 10 880 Hz, so that decoding
does not count), scores noisy estimates with our BSS Eval on all cores, then with
mir_eval on one track after another, and compares every score.

    python benchmarks/evaluate.py                     ten tracks of 3 minutes
    python benchmarks/evaluate.py --tracks 2 --mir-eval-tracks 1
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import lfilter

from keras_munet.config import DataConfig
from keras_munet.evaluation.evaluate import evaluate
from keras_munet.evaluation.report import Report
from keras_munet.evaluation.selection import choose_setting, select_tracks
from keras_munet.workers import n_cores

RATE = 10_880
STEMS = ("vocals", "drums", "bass", "other")


def write(folder: Path, n_tracks: int, seconds: float) -> None:
    """Writes `data/test/N` and `estimates/N`."""
    n = round(seconds * RATE)
    for number in range(n_tracks):
        rng = np.random.default_rng(number)
        total = np.zeros(n)
        for index, stem in enumerate(STEMS):
            audio = 0.05 * rng.standard_normal(n)
            audio = lfilter([1], [1, -0.5 - 0.1 * index], audio)
            total += audio
            noisy = audio + 0.02 * rng.standard_normal(n)
            save(folder / "data" / "test" / f"{number}" / f"{stem}.wav", audio)
            save(folder / "estimates" / f"{number}" / f"{stem}.wav", noisy)
        save(folder / "data" / "test" / f"{number}" / "mixture.wav", total)


def save(path: Path, audio: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, RATE, subtype="FLOAT")


def run(
    folder: Path, n_tracks: int, backend: str, workers: int
) -> tuple[Report, float]:
    tracks = select_tracks(folder / "data", DataConfig())[:n_tracks]
    setting, estimator = choose_setting(
        tracks, estimates=folder / "estimates", backend=backend
    )
    start = time.perf_counter()
    report = evaluate(
        tracks, setting, estimator, folder / f"{backend}.json", workers=workers
    )
    return report, time.perf_counter() - start


def largest_gap(one: Report, other: Report) -> float:
    return max(
        abs(value - other.tracks[name].scores["estimates"][source][metric])
        for name, track in one.tracks.items()
        if name in other.tracks
        for source, values in track.scores["estimates"].items()
        for metric, value in values.items()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--mir-eval-tracks", type=int, help="fewer, and scaled up")
    parser.add_argument("--workers", type=int, default=n_cores())
    options = parser.parse_args()
    n_slow = options.mir_eval_tracks or options.tracks
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, options.tracks, options.seconds)
        before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        fast, fast_s = run(folder, options.tracks, "fast", options.workers)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        slow, slow_s = run(folder, n_slow, "mir_eval", 1)
    slow_s *= options.tracks / n_slow
    print(
        json.dumps(
            {
                "tracks": options.tracks,
                "seconds_each": options.seconds,
                "workers": options.workers,
                "ours_s": round(fast_s, 1),
                "mir_eval_serial_s": round(slow_s, 1),
                "mir_eval_tracks_run": n_slow,
                "times_faster": round(slow_s / fast_s, 1),
                "largest_gap_db": largest_gap(fast, slow),
                "peak_memory_mb": round(peak_mb),
                "of_it_before_mb": round(before_mb),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
