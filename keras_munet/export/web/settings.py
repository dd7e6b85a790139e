"""What the page must know of its model: `karaoke.json`, and files that follow it."""

import hashlib
import json
from pathlib import Path
from typing import Any

from keras_munet.artefact.card import NOT_STATED
from keras_munet.config import ModelConfig, STFTConfig
from keras_munet.files import sha256

SETTINGS = "karaoke.json"
FORMAT = 1

_FETCHED = (".wasm", ".tflite")  # the page fetches and keeps these itself


def front_end(stft: STFTConfig) -> dict[str, Any]:
    """Returns the front end and the mask-carrying rule's numbers, as the page reads.

    The page keeps no copy of these numbers: it separates as `separate` does.
    """
    from keras_munet.config import OVERLAP
    from keras_munet.separation.band import LIMIT, TOP

    return {
        "sampleRate": stft.sample_rate,
        "nFft": stft.n_fft,
        "hopLength": stft.hop_length,
        "nFrames": stft.n_frames,
        "overlap": OVERLAP,
        "limit": LIMIT,
        "top": list(TOP),
    }


def write_settings(
    folder: Path,
    config: ModelConfig,
    model: Path,
    card: dict[str, Any],
    *,
    title: str,
    demo: str | None,
) -> None:
    """Writes `karaoke.json`, and tells the service worker what to keep.

    Args:
        folder: of the page, complete but for this.
        config: of the model.
        model: its file.
        card: its model card.
        title: of the page.
        demo: file name of the demo song, if there is one.
    """
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
        "demo": demo,
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
