"""The karaoke page as a folder: built assets, the model, and what ties them."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_munet.config import ModelConfig, STFTConfig
from keras_munet.errors import ExportError, ModelError
from keras_munet.export.card import NOT_STATED
from keras_munet.files import replacing, sha256

STATIC = Path(__file__).with_name("static")
"""Where `make web` puts the built page."""

SETTINGS = "karaoke.json"
FORMAT = 1
DEMO = "demo.mp3"
DEMO_S = 24
DEMO_SONG = (7, 3)  # seed and index: one that starts with everybody playing

QUANTIZE = ("float16", "float32")
"""Kinds of weights: half the download at the same speed, or bit for bit."""

_FETCHED = (".wasm", ".tflite")  # the page fetches and keeps these itself


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
        model: a `.tflite` of ours (copied as it is; needs no TensorFlow), a `.keras`
            or a run folder (exported with `weights`).
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
    model, out = Path(model), Path(out)
    require_built()
    _check_place(out, overwrite)
    with replacing(out) as part:
        shutil.copytree(STATIC, part)
        file, card = _add_model(model, part, weights)
        if demo:
            write_demo(part / DEMO)
        config = ModelConfig.from_dict(card["config"])
        _write_settings(part, config, file, card, title, demo)
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
    from keras_munet.export.tflite import read_card

    part = folder / "model.tflite"
    if model.is_file() and model.suffix == ".tflite":
        read_card(model)  # refuses what is none of ours before it is copied
        shutil.copyfile(model, part)
    else:
        _convert(model, part, weights)
    card = read_card(part)
    named = folder / f"model-{sha256(part)[:12]}.tflite"
    part.replace(named)
    return named, card


def _convert(model: Path, path: Path, weights: str) -> None:
    if not model.exists():
        raise ModelError(f"No model at {model}.")
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
    from keras_munet.data.audio_writer import AudioWriter
    from keras_munet.data.synth import make_track

    song = make_track(*DEMO_SONG, DEMO_S)["mixture"]
    with AudioWriter(path, 44100, 2, tags={"title": "Demo song"}) as writer:
        writer.write(song)


def front_end(stft: STFTConfig) -> dict[str, Any]:
    """Returns the front end and the mask-carrying rule's numbers, as the page reads.

    The page keeps no copy of these numbers: it separates as `separate` does.
    """
    from keras_munet.separation.band import LIMIT, TOP
    from keras_munet.separation.stream import OVERLAP

    return {
        "sampleRate": stft.sample_rate,
        "nFft": stft.n_fft,
        "hopLength": stft.hop_length,
        "nFrames": stft.n_frames,
        "overlap": OVERLAP,
        "limit": LIMIT,
        "top": list(TOP),
    }


def _write_settings(
    folder: Path,
    config: ModelConfig,
    model: Path,
    card: dict[str, Any],
    title: str,
    demo: bool,
) -> None:
    """Writes `karaoke.json`, and tells the service worker what to keep."""
    about = {
        name: text
        for name in ("training_data", "licence")
        if (text := card.get(name, NOT_STATED)) != NOT_STATED
    }
    settings = {
        "format": FORMAT,
        "version": "",
        "title": title,
        "sources": list(config.sources),
        "stft": front_end(config.stft),
        "model": {
            "file": model.name,
            "bytes": model.stat().st_size,
            "sha256": sha256(model),
        },
        "about": about,
        "demo": DEMO if demo else None,
    }
    version = _version(folder, settings)
    settings["version"] = version
    (folder / SETTINGS).write_text(json.dumps(settings, indent=2), encoding="utf-8")
    _name_page(folder, title)
    _fill_worker(folder, version)


def _version(folder: Path, settings: dict[str, Any]) -> str:
    """Twelve hex digits that change whenever any file of the page does."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)} {sha256(path)}\n".encode())
    return digest.hexdigest()[:12]


def _name_page(folder: Path, title: str) -> None:
    path = folder / "manifest.webmanifest"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest |= {"name": title, "short_name": title}
    path.write_text(json.dumps(manifest, indent=2), encoding="utf-8")


def _fill_worker(folder: Path, version: str) -> None:
    """Fills in what the service worker keeps: all that the page does not itself."""
    kept = [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in _FETCHED and path.name != "sw.js"
    ]
    path = folder / "sw.js"
    text = path.read_text(encoding="utf-8")
    text = text.replace("__VERSION__", version)
    text = text.replace('["__SHELL__"]', json.dumps(["./", *kept]))
    path.write_text(text, encoding="utf-8")
