"""Estimates that a model makes of the mixture of each track."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_munet.errors import ModelError
from keras_munet.evaluation.alignment import Form
from keras_munet.evaluation.estimates import PARTS, Stems
from keras_munet.files import sha256
from keras_munet.separation.recipe import complete, make_recipe
from keras_munet.separation.runtime import Runtime, find_models, open_runtime
from keras_munet.separation.stream import Piece, SeparationStream
from keras_munet.weights.shipped import model_path

Array = NDArray[np.floating]

_BLOCK_S = 10


class ModelEstimator:
    """Separates mixtures with one model; threads take turns.

    Args:
        path: anything that `open_runtime` opens.
        masks: `raw` (as the network gives them) or `sum` (normalised).
        threads: of the network; all cores by default.
        device: where the network runs.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        masks: str = "raw",
        threads: int | None = None,
        device: str | None = None,
    ) -> None:
        self.path, self.masks, self.device = model_path(path), masks, device
        self.runtime: Runtime = open_runtime(self.path, threads=threads, device=device)
        self._lock = threading.Lock()

    def describe(self) -> dict[str, Any]:
        """Returns name, weights hash and kind of masks, for the report."""
        return {
            "kind": "model",
            "name": self.path.resolve().name,
            "sha256": weights_hash(self.path, device=self.device),
            "masks": self.masks,
        }

    def check(self, sources: tuple[str, ...]) -> None:
        """Refuses sources that the model cannot give.

        Raises:
            ModelError: names the source, and those that there are.
        """
        for source in sources:
            self._parts(source, list(self.runtime.config.sources))

    def inputs(self, track: str, sources: tuple[str, ...]) -> dict[str, list[int]]:
        """Returns nothing: the weights hash says all."""
        return {}

    def stems(
        self,
        track: str,
        references: dict[str, Array],
        mixture: Array,
        form: Form,
        sample_rate: int,
    ) -> Stems:
        """Separates one mixture, at its own rate or at the model's.

        Sources that the model does not have are added up from their parts.
        """
        ours = list(self.runtime.config.sources)
        recipe_of = {source: self._parts(source, ours) for source in references}
        with self._lock:
            separated = self._separate(mixture, sample_rate, mono=form.mono)
        named = dict(zip(ours, separated, strict=True))
        stems = Stems(np.empty((len(references), *mixture.shape), np.float32))
        for index, (source, parts) in enumerate(recipe_of.items()):
            stems.audio[index] = np.sum([named[part] for part in parts], axis=0)
            if parts != [source]:
                stems.notes.append(f"{source} is {' + '.join(parts)}")
        return stems

    def _parts(self, source: str, ours: list[str]) -> list[str]:
        if source in ours:
            return [source]
        parts = list(PARTS.get(source, ()))
        if parts and set(parts) <= set(ours):
            return parts
        raise ModelError(
            f"{self.path} has no source {source!r}; it has {', '.join(ours)}. "
            "Choose what is scored with --sources."
        )

    def _separate(self, mixture: Array, sample_rate: int, *, mono: bool) -> list[Array]:
        """Returns one `(samples, channels)` per source of the model."""
        sources = self.runtime.config.sources
        recipe = make_recipe(sources, stems=sources, masks=self.masks)
        stream = SeparationStream(
            self.runtime,
            recipe,
            sample_rate,
            mixture.shape[1],
            band="model" if mono else "full",
        )
        computed = np.empty((len(recipe.computed), *mixture.shape), np.float32)
        n_done = 0
        for piece in _pieces(stream, mixture, _BLOCK_S * sample_rate):
            n_new = piece.computed.shape[1]
            computed[:, n_done : n_done + n_new] = piece.computed
            n_done += n_new
        return complete(recipe, mixture, computed)


def _pieces(stream: SeparationStream, mixture: Array, size: int) -> Iterator[Piece]:
    for start in range(0, len(mixture), size):
        yield stream.push(mixture[start : start + size])
    yield stream.flush()


def weights_hash(path: str | Path, *, device: str | None = None) -> str:
    """Returns one SHA-256 of the weights that would run.

    That is the hash of the one file, or a hash of hashes where a model is several.

    Args:
        path: as for `open_runtime`.
        device: as for `open_runtime`.
    """
    hashes = []
    for _, model in find_models(path, device=device):
        files = [model] if model.is_file() else sorted(model.rglob("*"))
        hashes += [sha256(file) for file in files if _holds_weights(file)]
    if len(hashes) == 1:
        return hashes[0]
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def _holds_weights(file: Path) -> bool:
    kinds = (".keras", ".tflite", ".pb")
    return file.is_file() and (file.suffix in kinds or file.parent.name == "variables")
