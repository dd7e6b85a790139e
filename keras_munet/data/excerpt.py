"""The real music that every installation has: the MUSDB18 excerpt of `stempeg`."""

import importlib.util
from pathlib import Path


def excerpt() -> Path:
    """Returns "The Easton Ellises - Falcon 69": 6 s, five streams, 44.1 kHz stereo.

    It is found without importing stempeg, which needs the ffmpeg programs.

    Raises:
        FileNotFoundError: when stempeg, which musdb brings, is not installed.
    """
    spec = importlib.util.find_spec("stempeg")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("stempeg is not installed: pip install stempeg")
    folder = Path(spec.origin).parent / "data"
    return folder / "The Easton Ellises - Falcon 69.stem.mp4"
