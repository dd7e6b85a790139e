"""`keras-munet fit` on a GPU, seen to work in a few minutes: exactly the command.

What is installed and which devices compute (`doctor`); a short run in float32 and in
bfloat16; one that is killed in its second epoch and goes on, against the same run in
one piece; and the seconds of a step beside those on the CPU. Songs are generated, or
come from a cache that is there already.

    KERAS_BACKEND=jax python benchmarks/fit_on_gpu.py /tmp/gpu
    KERAS_BACKEND=jax python benchmarks/fit_on_gpu.py /tmp/gpu --cache CACHE --minutes 1
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from keras_munet.data.cache import open_dataset

COMMAND = [sys.executable, "-m", "keras_munet.cli.main"]
PRECISIONS = ("float32", "mixed_bfloat16")


def keras_munet(*words: object, **environment: str) -> None:
    """Runs a command, whose failure ends the script."""
    start = time.monotonic()
    print("$ keras-munet", *words, flush=True)
    call = [*COMMAND, *map(str, words)]
    subprocess.run(call, check=True, env={**os.environ, **environment})
    print(f"  {time.monotonic() - start:.1f} s in all", flush=True)


def history(run: Path) -> list[dict[str, float]]:
    """Returns the rows of the epochs that a run has on disk."""
    path = run / "state" / "state.json"
    rows: list[dict[str, float]] = []
    if path.exists():
        rows = json.loads(path.read_text())["history"]
    return rows


def killed_in_epoch_two(*words: object, run: Path) -> None:
    """Starts a run and kills it with SIGKILL when its first epoch is on disk."""
    process = subprocess.Popen([*COMMAND, *map(str, words)], stdout=subprocess.DEVNULL)
    while not history(run) and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    print(f"killed with {len(history(run))} epochs on disk", flush=True)


def final_state(run: Path) -> list[np.ndarray]:
    """Returns the arrays of a run's last state."""
    (path,) = (run / "state").glob("*.npz")
    with np.load(path) as arrays:
        return [arrays[name] for name in arrays.files]


def main() -> None:
    """Runs all parts and prints what they took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="new folder")
    parser.add_argument("--cache", type=Path, help="instead of generated songs")
    parser.add_argument("--preset", default="mobile-2src")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--tracks", type=int, default=24, help="of 60 s, generated")
    parser.add_argument("--minutes", type=float, help="bound of each timed run")
    parser.add_argument("--no-cpu", action="store_true", help="no times of the CPU")
    args = parser.parse_args()

    compiled = args.out.resolve() / "compiled"  # once for runs that do the same
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(compiled))
    keras_munet("doctor")
    cache = args.cache or args.out / "cache"
    if not args.cache:
        songs = args.out / "songs"
        keras_munet("synth", songs, "--tracks", args.tracks, "--seconds", 60)
        keras_munet("prepare", songs, cache)
    dataset = open_dataset(cache)
    n_training = dataset.n_chunks("train", keep_silent=True)
    n_steps = -(-n_training // args.batch_size)
    common: list[object] = ["--preset", args.preset, "--batch-size", args.batch_size]
    common += ["--keep-silent", "--no-tflite", "--quiet"]
    bound = ["--minutes", args.minutes] if args.minutes else []

    lines = []

    def timed(name: str, *more: object, epochs: int, **environment: str) -> None:
        run = args.out / name
        words = ["fit", cache, "--run", run, *common, *bound, *more]
        keras_munet(*words, "--epochs", epochs, **environment)
        first, *others = history(run)
        last = others[-1] if others else first
        lines.append(
            f"{name:24s} {last['seconds'] / n_steps:8.4f} s a step with validation, "
            f"first epoch {first['seconds']:6.1f} s, "
            f"validation sum {first['val_loss']:.4f} -> {last['val_loss']:.4f}"
        )

    for precision in PRECISIONS:
        more = ("--precision", precision, "--no-deterministic")
        timed(precision, *more, epochs=args.epochs)
    if not args.no_cpu:
        timed("cpu", epochs=2, JAX_PLATFORMS="cpu", CUDA_VISIBLE_DEVICES="")

    whole, killed = args.out / "whole", args.out / "killed"
    words = ["fit", cache, *common, "--epochs", 2, "--run"]
    keras_munet(*words, whole)
    killed_in_epoch_two(*words, killed, run=killed)
    keras_munet(*words, killed)
    pairs = zip(final_state(whole), final_state(killed), strict=True)
    most = max(float(np.abs(np.float64(a) - np.float64(b)).max()) for a, b in pairs)

    print(f"\n{n_training} chunks, {n_steps} steps of {args.batch_size} an epoch")
    print("\n".join(lines))
    print(f"killed and gone on: state differs from one piece by {most:.3g} at most")


if __name__ == "__main__":
    sys.exit(main())
