"""Seeded weights in the authors' layout, the same with and without PyTorch."""

import json
import zlib
from pathlib import Path

import numpy as np

REFERENCE = Path(__file__).parent / "reference" / "torch_unet.npz"
NETWORKS = ("munet", "dedicated", "cunet")
SOURCES = {
    "munet": ("vocals", "drums", "bass", "other"),
    "dedicated": ("bass",),
    "cunet": ("vocals", "accompaniment"),
}


def seeded_tensor(name, shape):
    """Values that keep signals alive through the network; seeded by the name alone."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        return np.asarray(7, np.int64)
    if name.endswith("running_var") or (".BN" in name and name.endswith("weight")):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    if len(shape) == 1:
        start = 1.0 if "final_conv" in name or ".L4." in name else 0.0
        return (start + 0.2 * rng.standard_normal(shape)).astype(np.float32)
    scale = np.sqrt(2 / np.prod(shape[1:])) * (0.2 if "final_conv" in name else 1)
    return (scale * rng.standard_normal(shape)).astype(np.float32)


def checksum(tensors):
    """One number that changes with any value."""
    return sum(float(np.abs(value.astype(np.float64)).sum()) for value in tensors)


def reference(network):
    """Returns tensors by name, features, the authors' masks and their conditions."""
    with np.load(REFERENCE) as stored:
        shapes = json.loads(str(stored[f"{network}_tensors"]))
        tensors = {name: seeded_tensor(name, shape) for name, shape in shapes.items()}
        assert np.isclose(checksum(tensors.values()), stored[f"{network}_checksum"]), (
            "This NumPy draws other numbers. Run tests/reference/make_torch_unet.py."
        )
        conditions = stored.get(f"{network}_conditions")
        return tensors, stored["features"], stored[f"{network}_masks"], conditions
