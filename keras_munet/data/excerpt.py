"""The real music that training brings along: the MUSDB18 excerpt of `stempeg`."""

import importlib.util
from pathlib import Path

from keras_munet.extras import missing_extra


def excerpt() -> Path:
    """Returns "The Easton Ellises - Falcon 69": 6 s, five streams, 44.1 kHz stereo.

    It is found without importing stempeg, which needs the ffmpeg programs.

    Raises:
        MissingExtraError: when stempeg, which musdb brings, is not installed.
    """
    spec = importlib.util.find_spec("stempeg")
    if spec is None or spec.origin is None:
        raise missing_extra("stempeg")
    folder = Path(spec.origin).parent / "data"
    return folder / "The Easton Ellises - Falcon 69.stem.mp4"
