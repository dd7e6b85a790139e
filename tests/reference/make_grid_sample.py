"""Makes grid_sample.npz: the authors' warp by torch, on a small seeded picture.

pip install torch
python tests/reference/make_grid_sample.py
"""

from pathlib import Path

import numpy as np
import torch


def warp_grid(height: int, width: int, *, warp: bool) -> torch.Tensor:
    """The grid of Sound of Pixels: log-frequency rows, or back."""
    x, y = np.linspace(-1, 1, width), np.linspace(-1, 1, height)
    xv, yv = np.meshgrid(x, y)
    yv = (
        (21 ** ((yv + 1) / 2) - 11) / 10
        if warp
        else np.log(10 * yv + 11) / np.log(21) * 2 - 1
    )
    return torch.from_numpy(np.stack([xv, yv], axis=-1)[None].astype(np.float32))


def sample(picture: np.ndarray, grid: torch.Tensor) -> np.ndarray:
    """One picture through torch's grid_sample as the authors call it."""
    value = torch.from_numpy(picture)[None, None]
    out = torch.nn.functional.grid_sample(value, grid, align_corners=False)
    return out[0, 0].numpy()


def main() -> None:
    """Writes the file beside this script."""
    rng = np.random.default_rng(0)
    linear = rng.random((64, 32), dtype=np.float32)
    rows = sample(linear, warp_grid(32, 32, warp=True))
    bins = sample(rows, warp_grid(64, 32, warp=False))
    np.savez_compressed(
        Path(__file__).with_name("grid_sample.npz"), linear=linear, rows=rows, bins=bins
    )


if __name__ == "__main__":
    main()
