"""A model repository for TF Serving: versions, warm-up, configuration, deployment."""

import importlib.resources
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from keras_munet.artefact.card import NOT_STATED
from keras_munet.config import ModelConfig
from keras_munet.errors import ExportError
from keras_munet.files import replacing

if TYPE_CHECKING:
    import keras

BATCHED = "_batched"
"""Ending of the name of the servable whose requests the server may merge."""

TEMPLATES = (
    "models.config",
    "batching.config",
    "monitoring.config",
    "docker-compose.yml",
    "kubernetes.yml",
    "README.md",
)


def export_serving(
    network: "keras.Model",
    config: ModelConfig,
    out: str | Path,
    *,
    name: str = "separator",
    version: int | None = None,
    training_data: str = NOT_STATED,
    licence: str = NOT_STATED,
) -> Path:
    """Publishes `network` as a version in a model repository, and the files around.

    Two servables: `<name>` with all signatures, never batched by the server, and
    `<name>_batched` with those of fixed length. (TF Serving switches batching on
    for whole servables only, and merging songs of different lengths is an error.)

    A version folder appears complete, under its final name, or not at all: the
    server may look on.

    Args:
        network: of any architecture.
        config: of the network.
        out: the repository; may hold other versions.
        name: of the servable.
        version: a positive number; one more than the highest there by default.
        training_data: what the network was trained on, for the model card.
        licence: terms of the weights, for the model card.

    Returns:
        The folder of the version of `<name>`.

    Raises:
        ExportError: when the version is there already, or the name is no name.
    """
    from keras_munet.export.saved_model import FIXED_LENGTH, SIGNATURES

    out = Path(out)
    batched = name + BATCHED
    _check_name(name)
    if version is None:
        version = 1 + max([0, *versions(out / name), *versions(out / batched)])
    if version < 1:
        raise ExportError(f"A version is a positive number. Received: {version}")
    places = {
        out / name / str(version): SIGNATURES,
        out / batched / str(version): FIXED_LENGTH,
    }
    for place in places:
        if place.exists():
            raise ExportError(
                f"{place} exists already. Published versions are never changed: "
                "choose another --version, or leave it out for the next one."
            )
    # The kit first: a server that sees a version also finds its configuration.
    _write_kit(out, name, config, 4 * network.count_params())
    statements = {"training_data": training_data, "licence": licence}
    for place, signatures in places.items():
        _publish(network, config, place, signatures, statements)
    return next(iter(places))


def versions(folder: Path) -> list[int]:
    """Returns the version numbers in a servable's folder, in order."""
    if not folder.is_dir():
        return []
    return sorted(int(p.name) for p in folder.iterdir() if p.name.isdecimal())


def _publish(
    network: "keras.Model",
    config: ModelConfig,
    place: Path,
    signatures: Sequence[str],
    statements: dict[str, str],
) -> None:
    """Writes one version folder under another name and renames it."""
    from keras_munet.export.saved_model import DEFAULT, export_saved_model
    from keras_munet.export.serving.warmup import write_warmup

    with replacing(place) as part:
        export_saved_model(network, config, part, signatures=signatures, **statements)
        write_warmup(part, config, place.parent.name, [DEFAULT, *signatures])
        if place.parent.name.endswith(BATCHED):
            (part / "batching_params.pbtxt").write_text(_template("batching.config"))


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z]([a-z0-9_]*[a-z0-9])?", name):
        raise ExportError(
            "A servable's name is of small letters, digits and underscores, and "
            f"begins with a letter. Received: {name!r}"
        )


def _template(file: str) -> str:
    folder = importlib.resources.files("keras_munet.export.serving") / "templates"
    return (folder / file).read_text(encoding="utf-8")


def _write_kit(out: Path, name: str, config: ModelConfig, n_bytes: int) -> None:
    """Writes the files around the servables, where they are missing."""
    models = out / "models.config"
    if models.is_file() and f'"{name}"' not in models.read_text(encoding="utf-8"):
        raise ExportError(
            f"{models} is of other models. Choose another folder, or the same --name."
        )
    # Two servables, each with the weights once more while a new version loads.
    memory_gb = 1 + -(-4 * n_bytes // 10**9)
    stft = config.stft
    n_masks = stft.n_bins * stft.n_frames * len(config.sources)
    values = {
        "name": name,
        "batched": name + BATCHED,
        "service": name.replace("_", "-"),
        "window": stft.chunk_length,
        "rate": stft.sample_rate,
        "sources": ", ".join(config.sources),
        "memory": f"{memory_gb}Gi",
        "memory_limit": f"{2 * memory_gb}Gi",
        "memory_limit_compose": f"{2 * memory_gb}g",
        "window_mb": f"{4e-6 * stft.chunk_length:.2f}",
        "masks_mb": f"{4e-6 * n_masks:.2f}",
    }
    for file in TEMPLATES:
        if (out / file).exists():
            continue
        text = _template(file)
        for key, value in values.items():
            text = text.replace("{{" + key + "}}", str(value))
        with replacing(out / file) as part:
            part.write_text(text, encoding="utf-8")
