"""Test vectors that Python writes and the page's own tests read.

Run it to renew them:  python tests/web_vectors.py
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from keras_munet.audio.resample import resample
from keras_munet.config import OVERLAP, ModelConfig, STFTConfig, UNetConfig
from keras_munet.export.web.settings import front_end
from keras_munet.separation.band import carrier_grid, full_band_masks, normalize
from keras_munet.separation.masks import fade, window_step
from keras_munet.separation.recipe import complete_quantized, make_recipe
from keras_munet.separation.stream import SeparationStream

FOLDER = Path(__file__).parents[1] / "web" / "test-vectors"
STFT = STFTConfig(sample_rate=680, n_fft=62, hop_length=16, n_frames=16, n_rows=16)
RATE = 2756


def noise(n: int, seed: int) -> np.ndarray:
    """A noise that both languages can make: integers from a congruence."""
    values, state = np.empty(n, np.int64), seed
    for index in range(n):
        state = (state * 1103515245 + 12345) % 2**31
        values[index] = (state >> 8) % 40000 - 20000
    return values


def pattern(n_windows: int, n_sources: int) -> np.ndarray:
    """Masks that vary over windows, bins, frames and sources."""
    w, b, f, k = np.ogrid[:n_windows, : STFT.n_bins, : STFT.n_frames, :n_sources]
    return (0.5 + 0.5 * np.sin(w + 0.3 * b + 0.7 * f + 2.0 * k)).astype(np.float32)


class PatternRuntime:
    """A network whose masks do not depend on what it hears."""

    name = "pattern"

    def __init__(self, sources: tuple[str, ...]) -> None:
        unet = UNetConfig(depth=2)
        self.config = ModelConfig(sources=sources, stft=STFT, unet=unet)
        self.n_windows = 0

    def masks(self, waveforms: np.ndarray) -> np.ndarray:
        start, self.n_windows = self.n_windows, self.n_windows + len(waveforms)
        return pattern(self.n_windows, len(self.config.sources))[start:]


def separation(sources: tuple[str, ...], n_samples: int, n_channels: int) -> Any:
    song = noise(n_samples * n_channels, 1).reshape(n_samples, n_channels)
    recipe = make_recipe(sources)
    stream = SeparationStream(PatternRuntime(sources), recipe, RATE, n_channels)
    pieces = [stream.push((song / 32768).astype(np.float32)), stream.flush()]
    mixture = np.concatenate([piece.mixture for piece in pieces])
    computed = np.concatenate([piece.computed for piece in pieces], axis=1)
    stems = complete_quantized(recipe, mixture, computed, 16)
    return {
        "sources": sources,
        "n_samples": n_samples,
        "n_channels": n_channels,
        "stems": [stem.ravel().tolist() for stem in stems],
    }


def carrier(sample_rate: int) -> Any:
    """Every few bins of a few frames, carried to a common rate."""
    stft = STFTConfig()
    grid = carrier_grid(sample_rate, stft)
    k, f, b = np.ogrid[:2, :6, : stft.n_bins]
    masks = normalize(
        (1 + np.sin(0.05 * b + f + 2.0 * k)).astype(np.float32)  # (K, frames, bins)
    )
    n_samples = sample_rate // 10
    carried = full_band_masks(masks, sample_rate, n_samples, stft)
    bins = np.linspace(0, grid.n_bins - 1, 40).astype(int)
    return {
        "sample_rate": sample_rate,
        "n_fft": grid.n_fft,
        "n_frames": carried.shape[1],
        "bins": bins.tolist(),
        "values": np.round(carried[0][:, bins].astype(float), 6).tolist(),
    }


def resampling(rate_in: int) -> Any:
    """A chirp below 4 kHz, its start and its end included."""
    n = np.arange(rate_in // 10)
    chirp = np.sin(2 * np.pi * 16000 * (n / rate_in) ** 2)
    out = resample(chirp[:, None].astype(np.float32), rate_in, 10880)[:, 0]
    return {"rate_in": rate_in, "out": np.round(out.astype(float), 6).tolist()}


def vectors() -> dict[str, Any]:
    """Returns file name -> contents."""
    step = window_step(STFT, OVERLAP)
    two, four = ("vocals", "accompaniment"), ("vocals", "drums", "bass", "other")
    return {
        "settings.json": {
            "small": front_end(STFT),
            "model": front_end(STFTConfig()),
        },
        "carrier.json": [carrier(rate) for rate in (8000, 10880, 44100, 48000)],
        "fade.json": {"step": step, "weights": fade(STFT.n_frames, step).tolist()},
        "resample.json": [resampling(rate) for rate in (8000, 44100, 48000)],
        "separation.json": [
            separation(two, 3001, 2),
            separation(four, 1500, 1),
            separation(("drums",), 100, 1),
        ],
    }


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in vectors().items():
        text = json.dumps(values, separators=(",", ":"))
        (folder / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(FOLDER)
