"""`keras-munet doctor`: does this installation work, and what could be added?"""

import importlib.metadata
import importlib.util
import os
import time
from collections.abc import Callable, Iterable

import click

from keras_munet.extras import EXTRAS

REQUIRED = (
    *("ai-edge-litert", "av", "click", "flatbuffers", "numpy", "rich", "soundfile"),
    "soxr",
)


@click.command()
def command() -> None:
    """List what is installed, and run a real convolution on each device.

    Exits with 1 when a required part is missing or damaged, or no device
    can compute.
    """
    ok = _packages()
    _extras()
    ok = _devices() and ok
    ok = _litert() and ok
    ok = _weights() and ok
    raise SystemExit(0 if ok else 1)


def _packages() -> bool:
    click.echo("Required")
    ok = True
    for package in REQUIRED:
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            ok, version = False, "MISSING: pip install --force-reinstall keras-munet"
        click.echo(f"  {package:24s} {version}")
    return ok


def _extras() -> None:
    click.echo("Extras")
    for name, (use, packages) in EXTRAS.items():
        if name == "all":
            continue
        missing = [p for p in packages if importlib.util.find_spec(p) is None]
        if missing:
            state = f"without {', '.join(missing)}: pip install 'keras-munet[{name}]'"
        elif name == "studio":
            state = _studio()
        else:
            state = _versions(packages)
        click.echo(f"  {name:12s} {use}\n{'':15s}{state}")


def _versions(packages: Iterable[str]) -> str:
    names = importlib.metadata.packages_distributions()
    found = {names[package][0] for package in packages if package in names}
    return ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in sorted(found)
    )


def _studio() -> str:
    """What the studio engine lacks beyond Python packages, in one line."""
    from keras_munet.studio.needs import install_commands, missing

    commands = install_commands(*missing())
    return f"not installed: {' && '.join(commands)}" if commands else "ready"


CUDA = {"tensorflow": "tensorflow[and-cuda]", "jax": "jax[cuda13]"}


def _devices() -> bool:
    """Computes on each device of the backend that `fit` would use."""
    if not any(map(importlib.util.find_spec, CUDA)):
        click.echo("Devices: LiteRT separates on the CPU; no TensorFlow, no training")
        return True
    import numpy as np

    from keras_munet.cli.quiet import import_backend_quietly

    import_backend_quietly()
    import keras

    backend = keras.backend.backend()
    click.echo(f"Devices, by {backend} (KERAS_BACKEND=tensorflow or jax chooses)")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 256, 256, 8), dtype=np.float32)
    kernel = rng.standard_normal((3, 3, 8, 8), dtype=np.float32)

    def convolve() -> object:
        outputs = keras.ops.conv(x, kernel, padding="same")
        return keras.ops.convert_to_numpy(outputs)

    working = []
    for name in dict.fromkeys((*keras.distribution.list_devices(), "cpu:0")):
        try:
            with keras.device(name):
                seconds = _time(convolve)
        except Exception as error:  # of many kinds, and the next device may work
            click.echo(f"  {name.upper()}: FAILS: {str(error).splitlines()[0]}")
            continue
        click.echo(f"  {name.upper()}: convolution works ({1000 * seconds:.1f} ms)")
        working.append(name)
    if all(name.startswith("cpu") for name in working):
        click.echo("  No GPU in use: training works, slowly. On Linux with an NVIDIA")
        click.echo(f"  card:  pip install '{CUDA.get(backend, backend)}'")
    onednn = f"; oneDNN {_onednn()}" if backend == "tensorflow" else ""
    click.echo(f"  {os.cpu_count()} CPU cores{onednn}")
    return bool(working)


def _onednn() -> str:
    on = os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1"
    return "on" if on else "off (TF_ENABLE_ONEDNN_OPTS=1 is faster)"


def _litert() -> bool:
    if importlib.util.find_spec("ai_edge_litert") is None:
        click.echo("LiteRT: not installed; .tflite models cannot run")
        return False
    from ai_edge_litert import interpreter  # noqa: F401  loads the native library

    click.echo("LiteRT: works")
    return True


def _weights() -> bool:
    from keras_munet.weights.shipped import DAMAGED, shipped_models

    states = {name: model.state for name, model in shipped_models().items()}
    said = ", ".join(f"{name} {state}" for name, state in states.items())
    click.echo(f"Shipped weights: {said}")
    return DAMAGED not in states.values()


def _time(call: Callable[[], object]) -> float:
    call()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
