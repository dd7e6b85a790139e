"""The karaoke page as a folder: built assets, the model, and what ties them."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_munet.artefact.card import card_config
from keras_munet.errors import ExportError
from keras_munet.export.web.settings import SETTINGS, write_settings
from keras_munet.files import replacing, sha256
from keras_munet.weights.shipped import model_path, no_model

STATIC = Path(__file__).with_name("static")
"""Where `make web` puts the built page."""

DEMO = "demo.mp3"
DEMO_S = 24
DEMO_SONG = (7, 3)  # seed and index: one that starts with everybody playing

QUANTIZE = ("float16", "float32")
"""Kinds of weights: half the download at the same speed, or bit for bit."""


@dataclass(frozen=True)
class Page:
    """An exported page.

    Attributes:
        folder: where it lies.
        n_bytes: of all files.
        model_bytes: of the model alone.
        sources: names of the model's sources.
    """

    folder: Path
    n_bytes: int
    model_bytes: int
    sources: tuple[str, ...]


def export_web(
    model: str | Path,
    out: str | Path,
    *,
    title: str = "Karaoke",
    weights: str = "float16",
    demo: bool = True,
    overwrite: bool = False,
) -> Page:
    """Writes the karaoke page with a model: a folder that any web server can host.

    Args:
        model: a `.tflite` of ours or the name of a shipped model (which need no
            TensorFlow), a `.keras` or a run folder (exported with `weights`).
        out: folder to make. An earlier page there is replaced.
        title: of the page.
        weights: `float16` or `float32`; counts where the model is converted.
        demo: whether to add a generated demo song.
        overwrite: replace a folder that holds something else.

    Raises:
        ExportError: when the page is not built, or `out` holds something else.
        ModelError: when the model is missing or none of ours.
        ValueError: for other `weights`.
    """
    if weights not in QUANTIZE:
        raise ValueError(
            f"`weights` must be one of {', '.join(QUANTIZE)}. "
            f"Received: weights={weights!r}"
        )
    model, out = model_path(model), Path(out)
    require_built()
    _check_place(out, overwrite)
    with replacing(out) as part:
        shutil.copytree(STATIC, part)
        file, card = _add_model(model, part, weights)
        if demo:
            write_demo(part / DEMO)
        config = card_config(card, str(model))
        name = DEMO if demo else None
        write_settings(part, config, file, card, title=title, demo=name)
    n_bytes = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return Page(out, n_bytes, (out / file.name).stat().st_size, config.sources)


def require_built() -> None:
    """Makes sure that the built page is there.

    Raises:
        ExportError: when it is not; the message says how to build it.
    """
    if not (STATIC / "index.html").is_file():
        raise ExportError(
            f"The karaoke page is not built: {STATIC} is missing or empty. In a "
            "source checkout build it with `make web` (Node.js 20 or newer); wheels "
            "of keras-munet carry it."
        )


def is_page(folder: Path) -> bool:
    """Tells whether a folder is an exported page."""
    return (folder / SETTINGS).is_file() and (folder / "index.html").is_file()


def _check_place(out: Path, overwrite: bool) -> None:
    if out.is_file():
        raise ExportError(f"{out} is a file. Choose a folder for the page.")
    if out.is_dir() and any(out.iterdir()) and not (is_page(out) or overwrite):
        raise ExportError(
            f"{out} is not empty and holds no karaoke page. Choose a new folder, or "
            "replace everything in it with --overwrite."
        )


def _add_model(model: Path, folder: Path, weights: str) -> tuple[Path, dict[str, Any]]:
    """Puts the model into `folder`, named after its contents."""
    from keras_munet.artefact.flatbuffer import with_outputs
    from keras_munet.artefact.tflite import read_card

    part = folder / "model.tflite"
    if model.is_file() and model.suffix == ".tflite":
        read_card(model)  # refuses what is none of ours before it is copied
        shutil.copyfile(model, part)
    else:
        _convert(model, part, weights)
    part.write_bytes(with_outputs(part, ("masks",)))  # the page makes the stems
    card = read_card(part)
    named = folder / f"model-{sha256(part)[:12]}.tflite"
    part.replace(named)
    return named, card


def _convert(model: Path, path: Path, weights: str) -> None:
    if not model.exists():
        raise no_model(model)
    from keras_munet.export.tflite import export_tflite
    from keras_munet.export.trained import load_trained

    trained = load_trained(model)
    export_tflite(
        trained.network,
        trained.config,
        path,
        quantize=None if weights == "float32" else weights,
    )


def write_demo(path: Path) -> None:
    """Writes the demo song: generated music, so free of anybody's rights."""
    from keras_munet.audio.writer import AudioWriter
    from keras_munet.music.engine import make_track

    song = make_track(*DEMO_SONG, DEMO_S)["mixture"]
    with AudioWriter(path, 44100, 2, tags={"title": "Demo song"}) as writer:
        writer.write(song)
