"""What runs the network: one small protocol, and the choice by what a path is.

No TensorFlow is imported here, and none at all where the model is a `.tflite`.
"""

import dataclasses
import importlib.util
import json
from pathlib import Path
from typing import Protocol

import numpy as np

from keras_munet.config import ENSEMBLE_NAME, ModelConfig
from keras_munet.dsp import FloatArray
from keras_munet.errors import ModelError
from keras_munet.extras import advising
from keras_munet.weights.shipped import model_path, no_model
from keras_munet.workers import n_cores


class Runtime(Protocol):
    """A network, ready to run.

    Attributes:
        config: sources and front end.
        name: what runs it, for messages.
    """

    config: ModelConfig
    name: str

    def masks(self, waveforms: FloatArray) -> FloatArray:
        """Returns the masks of windows.

        Args:
            waveforms: float32 `(batch, chunk_length)` at the model's rate.

        Returns:
            float32 `(batch, n_bins, n_frames, K)`, not negative, unbounded.
        """


class Ensemble:
    """Several one-source networks side by side (dedicated U-Nets)."""

    def __init__(self, members: list[Runtime], folder: Path) -> None:
        first = members[0].config
        if any(member.config.stft != first.stft for member in members):
            raise ModelError(
                f"The models of {folder} have different front ends and cannot work "
                "together. Train them with the same settings."
            )
        sources = tuple(name for m in members for name in m.config.sources)
        if len(set(sources)) != len(sources):
            raise ModelError(
                f"Two models of {folder} give the same source: {', '.join(sources)}. "
                "Name one model per source."
            )
        unet = dataclasses.replace(first.unet, architecture="munet")
        self.config = ModelConfig(sources=sources, stft=first.stft, unet=unet)
        self.name = members[0].name
        self._members = members

    def masks(self, waveforms: FloatArray) -> FloatArray:
        """Returns the members' masks, one after the other."""
        return np.concatenate([m.masks(waveforms) for m in self._members], axis=-1)


def open_runtime(
    path: str | Path, *, threads: int | None = None, device: str | None = None
) -> Runtime:
    """Opens a model with what runs it fastest.

    Args:
        path: a `.tflite`, a `.keras`, a SavedModel folder, a run folder (its
            `model.tflite` if there is one), a folder with an `ensemble.json`, or
            the name of a shipped model.
        threads: of the network; all cores by default.
        device: `cpu`, `gpu`, `gpu:1`, ...; None leaves the choice to the runtime.

    Raises:
        ModelError: when there is no model, or it is damaged or of another kind.
    """
    found = find_models(path, device=device)
    threads = threads or n_cores()
    members = [_open(kind, model, threads, device) for kind, model in found]
    return members[0] if len(members) == 1 else Ensemble(members, Path(path))


def find_models(
    path: str | Path, *, device: str | None = None
) -> list[tuple[str, Path]]:
    """Returns what would run: (`tflite` | `keras` | `saved_model`, path) per network.

    Args:
        path: as for `open_runtime`.
        device: as for `open_runtime`; LiteRT is passed over for a GPU.

    Raises:
        ModelError: when there is no model.
    """
    path = model_path(path)
    if not path.exists():
        raise no_model(path)
    if path.is_file():
        return [(_kind(path), path)]
    if (path / ENSEMBLE_NAME).is_file():
        members = _ensemble_members(path)
        return [found for m in members for found in find_models(m, device=device)]
    if (path / "saved_model.pb").is_file():
        return [("saved_model", path)]
    fast, full = path / "model.tflite", path / "model.keras"
    if fast.is_file() and _has_litert() and device in (None, "cpu"):
        return [(_kind(fast), fast)]
    if full.is_file():
        return [(_kind(full), full)]
    raise ModelError(
        f"{path} holds no model: no model.keras or model.tflite of a run, and no "
        "saved_model.pb."
    )


def _open(kind: str, path: Path, threads: int, device: str | None) -> Runtime:
    if kind == "tflite":
        from keras_munet.separation.runtime_litert import LiteRTRuntime

        return LiteRTRuntime(path, threads=threads, device=device)
    with advising():
        from keras_munet.separation.runtime_tf import KerasRuntime, SavedModelRuntime

        runtime = KerasRuntime if kind == "keras" else SavedModelRuntime
        return runtime(path, threads=threads, device=device)


def _ensemble_members(folder: Path) -> list[Path]:
    """Returns the model of each source, in the order of `ensemble.json`."""
    file = folder / ENSEMBLE_NAME
    try:
        models = json.loads(file.read_text(encoding="utf-8"))["models"]
        members = [folder / name for name in dict(models).values()]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"{file} cannot be read ({error}). It must be a JSON object like "
            '{"models": {"vocals": "vocals/model.keras"}}.'
        ) from error
    if not members:
        raise ModelError(f"{file} names no models.")
    return members


def _has_litert() -> bool:
    return importlib.util.find_spec("ai_edge_litert") is not None


def _kind(path: Path) -> str:
    """Tells a model file by its first bytes, not by its name."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error
    if head[4:8] == b"TFL3":
        return "tflite"
    if head[:2] == b"PK":
        return "keras"
    raise ModelError(
        f"{path} is no model file ({'unknown contents' if head else 'empty'}). "
        "Give a .tflite, a .keras, a SavedModel folder, or a run folder."
    )
