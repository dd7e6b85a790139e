"""One training step against PyTorch: the same network, batch, loss and optimizer.

PyTorch's side is the authors' own U-Net class (`flerken-nightly`), fed with ready
spectrograms; ours starts from waveforms. Steps alternate in one process, so that a
noisy machine disturbs both; medians and their ratio are printed.

    pip install torch && pip install --no-deps flerken-nightly==0.4.post10
    python benchmarks/training_step.py --width 8 --batch 8
"""

import argparse
import importlib.util
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

from keras_munet.config import FOUR_SOURCES, ModelConfig, UNetConfig
from keras_munet.layers.normalization import with_fused_normalization
from keras_munet.models import FrontEnd, build_network
from keras_munet.models.precision import dtype_policy
from keras_munet.training.losses import indirect_loss
from keras_munet.training.multitask import MultiTaskModel
from keras_munet.training.weighting import Weighting

N_SOURCES = len(FOUR_SOURCES)


def our_step(
    width: int,
    waveforms: np.ndarray,
    *,
    jit: bool,
    precision: str = "float32",
    fused: bool = True,
) -> Callable[[], Any]:
    """Returns a call that does one step of ours, front end included."""
    import tensorflow as tf

    config = ModelConfig(sources=FOUR_SOURCES, unet=UNetConfig(width=width))
    with dtype_policy(precision):
        network = build_network(config)
        network = with_fused_normalization(network) if fused else network
        model = MultiTaskModel(
            network,
            config,
            source_loss=indirect_loss,
            weighting=Weighting(N_SOURCES),
        )
        model.compile(keras.optimizers.SGD(0.01, momentum=0.9), jit_compile=jit)
        model.optimizer.build(model.trainable_variables)
    step = tf.function(model.train_step, jit_compile=jit)
    batch = tf.constant(waveforms)
    return lambda: float(step(batch)["loss"])


def torch_step(width: int, waveforms: np.ndarray) -> Callable[[], Any]:
    """Returns a call that does one step of the authors' network."""
    import torch

    place = importlib.util.find_spec("flerken")
    folder = Path(str(place.submodule_search_locations[0]))  # type: ignore[union-attr]
    spec = importlib.util.spec_from_file_location(
        "flerken_unet", folder / "models" / "UNet.py"
    )
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    network = module.UNet(
        [width * 2**level for level in range(7)],
        N_SOURCES,
        None,
        input_channels=1,
        dropout=0.1,
        useBN=True,
    )
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    magnitudes = np.array(FrontEnd(ModelConfig().stft)(waveforms))
    magnitudes = torch.from_numpy(magnitudes.transpose(0, 3, 1, 2).copy())
    sources, mixture = magnitudes[:, :-1], magnitudes[:, -1:]
    features = torch.log(mixture + 2.2e-16)

    def step() -> float:
        optimizer.zero_grad()
        masks = torch.relu(network(features))
        losses = (sources - masks * mixture).abs().mean(dim=(0, 2, 3))
        loss = losses.sum()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--jit", action="store_true", help="compile ours with XLA")
    parser.add_argument(
        "--normalization", action="store_true", help="also with Keras's BatchNorm"
    )
    parser.add_argument("--only-ours", action="store_true", help="for peak memory")
    parser.add_argument("--precision", help="also ours in this: mixed_bfloat16")
    args = parser.parse_args()

    rng = np.random.default_rng(0)
    waveforms = rng.standard_normal((args.batch, 65280, N_SOURCES + 1)) * 0.1
    waveforms = waveforms.astype("float32")
    ours: dict[str, dict[str, Any]] = {"keras-munet": {}}
    if args.precision:
        ours[args.precision] = {"precision": args.precision}
    if args.normalization:
        ours |= {
            f"{name}, Keras's BatchNorm": {**settings, "fused": False}
            for name, settings in ours.items()
        }
    calls = {
        name: our_step(args.width, waveforms, jit=args.jit, **settings)
        for name, settings in ours.items()
    }
    if not args.only_ours:
        calls["pytorch"] = torch_step(args.width, waveforms)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for step in range(args.steps + 2):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if step >= 2:  # the first ones compile and warm up
                seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"width {args.width}, batch {args.batch}, median of {args.steps} steps")
    for name, median in medians.items():
        ratio = medians["keras-munet"] / median
        print(f"  {name:36s} {median:7.2f} s, keras-munet takes {ratio:.2f} of it")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  peak memory of the process {peak:.1f} GiB")


if __name__ == "__main__":
    sys.exit(main())
