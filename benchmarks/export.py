"""Speed, size and export cost of the artefacts.

    python benchmarks/export.py speed           width 8 and 32, all kinds, alternating
    python benchmarks/export.py paper           export of the paper's network: time, GB
    python benchmarks/export.py speed --quick   width 8 only

Limits are checked and a broken one exits with 1.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

SCHEMES = (None, "float16", "int8")
MOBILE_MB = {"float16": 25, "int8": 17}
LITERT_LIMIT = {8: 0.7, 32: 0.9}
INT8_LIMIT = 0.8
PAPER_S, PAPER_GB = 300, 6


def speed(widths, n_rounds):
    failures = []
    for width in widths:
        failures += _speed(width, n_rounds)
    return failures


def _speed(width, n_rounds):
    import numpy as np

    from keras_munet.config import FOUR_SOURCES, ModelConfig, UNetConfig
    from keras_munet.export.opened import open_artefact
    from keras_munet.export.saved_model import export_saved_model
    from keras_munet.export.tflite import export_tflite
    from keras_munet.models import build_network, separator_model

    config = ModelConfig(sources=FOUR_SOURCES, unet=UNetConfig(width=width))
    network = build_network(config)
    window = np.random.default_rng(0).normal(0, 0.1, (1, config.stft.chunk_length))
    window = window.astype(np.float32)
    model = separator_model(network, config)
    calls = {"keras call": lambda: model(window, training=False)}
    calls["keras predict"] = lambda: model.predict(window, verbose=0)
    sizes = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for scheme in SCHEMES:
            name = f"litert {scheme or 'float32'}"
            path = folder / f"{scheme}.tflite"
            export_tflite(network, config, path, quantize=scheme)
            sizes[name] = path.stat().st_size / 1e6
            artefact = open_artefact(path, threads=len(os.sched_getaffinity(0)))
            calls[name] = lambda a=artefact: a.separate(window)
        export_saved_model(network, config, folder / "saved")
        saved = open_artefact(folder / "saved")
        calls["saved model"] = lambda: saved.separate(window)
        times = {name: [] for name in calls}
        for number in range(n_rounds + 2):
            for name, call in calls.items():
                start = time.perf_counter()
                call()
                if number >= 2:  # the first ones warm up
                    times[name].append(time.perf_counter() - start)
    medians = {name: float(np.median(values)) for name, values in times.items()}
    print(f"\nwidth {width}, one window of 6 s, {n_rounds} rounds, alternating")
    for name, seconds in medians.items():
        ratio = seconds / medians["keras call"]
        size = f"{sizes[name]:8.1f} MB" if name in sizes else ""
        print(f"{name:<16}{seconds:8.3f} s{ratio:7.2f} of keras call{size}", flush=True)
    return _broken(width, medians, sizes)


def _broken(width, medians, sizes):
    failures = []
    ratio = medians["litert float32"] / medians["keras call"]
    if ratio > LITERT_LIMIT[width]:
        failures.append(f"width {width}: LiteRT takes {ratio:.2f} of the Keras call")
    ratio = medians["litert int8"] / medians["litert float32"]
    if width == 32 and ratio > INT8_LIMIT:
        failures.append(f"width 32: int8 takes {ratio:.2f} of float32")
    for scheme, limit in MOBILE_MB.items():
        if width == 8 and sizes[f"litert {scheme}"] > limit:
            failures.append(f"mobile {scheme}: {sizes[f'litert {scheme}']:.1f} MB")
    return failures


def paper():
    """Exports the paper's network in fresh processes, one per kind."""
    failures = []
    for kind in ("float32", "int8", "saved_model"):
        start = time.perf_counter()
        command = [sys.executable, __file__, "paper-one", "--kind", kind]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - start
        gigabytes, megabytes = map(float, done.stdout.split()[-2:])
        print(f"{kind:<12}{seconds:7.0f} s{gigabytes:7.1f} GB{megabytes:8.1f} MB")
        if seconds > PAPER_S or gigabytes > PAPER_GB:
            failures.append(f"{kind}: {seconds:.0f} s, {gigabytes:.1f} GB")
    return failures


def paper_one(kind):
    from keras_munet.export.saved_model import export_saved_model
    from keras_munet.export.tflite import export_tflite
    from keras_munet.models import build_network
    from keras_munet.presets import preset

    config = preset("paper-4src").model
    network = build_network(config)
    with tempfile.TemporaryDirectory() as folder:
        if kind == "saved_model":
            out = export_saved_model(network, config, Path(folder) / "saved")
        else:
            scheme = None if kind == "float32" else kind
            out = Path(folder) / "paper.tflite"
            export_tflite(network, config, out, quantize=scheme)
        files = [out] if out.is_file() else [f for f in out.rglob("*") if f.is_file()]
        megabytes = sum(file.stat().st_size for file in files) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(peak, megabytes)
    return []


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["speed", "paper", "paper-one"])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--kind", default="float32")
    values = parser.parse_args()
    if values.what == "speed":
        failures = speed((8,) if values.quick else (8, 32), values.rounds)
    else:
        failures = paper() if values.what == "paper" else paper_one(values.kind)
    for failure in failures:
        print(f"Limit broken: {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
