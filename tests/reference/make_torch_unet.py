"""Makes torch_unet.npz: masks of the authors' networks with seeded weights.

pip install torch
python tests/reference/make_torch_unet.py UNet.py cunet.py

UNet.py: flerken/models/UNet.py of the package flerken-nightly 0.4.post10.
cunet.py: models/cunet.py of github.com/vskadandale/multichannel-unet-bss at b895db3.

Both have 7 levels as in the paper, of width 4 instead of 32. The C-U-Net's class has
its control networks' sizes as literals for width 32; they are scaled down here, and
everything else is the authors' code.
"""

import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from interop_tools import REFERENCE, SOURCES, checksum, seeded_tensor

WIDTH = 4
LEVELS = [WIDTH * 2**level for level in range(7)]


def load(path: str) -> types.ModuleType:
    """A module by path, so that its package's other imports are not needed."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def conditioned(path: str, sources: tuple[str, ...]) -> nn.Module:
    """The authors' C-U-Net, its control networks scaled to WIDTH."""
    settings = types.ModuleType("settings")
    settings.SOURCES_SUBSET = list(sources)
    sys.modules["settings"] = settings
    network = load(path).CUNet(LEVELS, 1)
    sizes = [len(sources), WIDTH, 16 * WIDTH, 128 * WIDTH, sum(LEVELS)]
    for control in (network.gamma_generator, network.beta_generator):
        for index in range(4):
            layer = nn.Linear(sizes[index], sizes[index + 1])
            setattr(control, f"L{index + 1}", layer)
        control.BN2 = nn.BatchNorm1d(sizes[2])
        control.BN3 = nn.BatchNorm1d(sizes[3])
    return network


def seed(network: nn.Module) -> dict[str, np.ndarray]:
    """Fills the network and returns its tensors, named as the authors save them."""
    values = {
        f"model.{name}": seeded_tensor(f"model.{name}", tuple(value.shape))
        for name, value in network.state_dict().items()
    }
    state = {
        name.removeprefix("model."): torch.from_numpy(value)
        for name, value in values.items()
    }
    network.load_state_dict(state, strict=True)
    network.eval()
    return values


def main() -> None:
    """Writes the file beside this script."""
    unet_path, cunet_path = sys.argv[1:]
    unet = load(unet_path).UNet
    networks = {
        "munet": unet(LEVELS, len(SOURCES["munet"]), None, useBN=True, dropout=0.1),
        "dedicated": unet(LEVELS, 1, None, useBN=True, dropout=0.1),
        "cunet": conditioned(cunet_path, SOURCES["cunet"]),
    }
    rng = np.random.default_rng(0)
    features = rng.normal(-1.0, 2.0, (64, 64)).astype(np.float32)
    conditions = np.asarray([[1, 0], [0, 1]], np.float32)
    stored = {"features": features, "cunet_conditions": conditions}
    for name, network in networks.items():
        values = seed(network)
        x = torch.from_numpy(features)[None, None]
        extra = (torch.from_numpy(conditions),) if name == "cunet" else ()
        x = x.expand(len(conditions), -1, -1, -1) if extra else x
        with torch.no_grad():
            masks = torch.relu(network(x, *extra))  # (batch, channels, rows, frames)
        stored[f"{name}_masks"] = masks.numpy().transpose(0, 2, 3, 1)
        stored[f"{name}_tensors"] = json.dumps(
            {tensor: list(value.shape) for tensor, value in values.items()}
        )
        stored[f"{name}_checksum"] = checksum(values.values())
    np.savez_compressed(REFERENCE, **stored)


if __name__ == "__main__":
    main()
