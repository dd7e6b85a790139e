"""keras-munet: music source separation with the Multi-channel U-Net in Keras 3.

Public names are loaded when first used, so that `import keras_munet` is quick and
loads no TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING, Any

from keras_munet.extras import advising

if TYPE_CHECKING:
    from keras_munet.config import (
        DataConfig,
        FitConfig,
        ModelConfig,
        STFTConfig,
        UNetConfig,
    )
    from keras_munet.errors import MunetError
    from keras_munet.models.build import build_network
    from keras_munet.models.files import load_model, save_model
    from keras_munet.models.separator import separator_model
    from keras_munet.presets import preset
    from keras_munet.separation.separator import Separator

__version__ = "0.1.0"

_HOMES = {
    "DataConfig": "config",
    "FitConfig": "config",
    "ModelConfig": "config",
    "MunetError": "errors",
    "STFTConfig": "config",
    "Separator": "separation.separator",
    "UNetConfig": "config",
    "load_model": "models.files",
    "preset": "presets",
    "save_model": "models.files",
    "separator_model": "models.separator",
    "build_network": "models.build",
}

__all__ = [  # noqa: RUF022  the table above, spelled out for readers and type checkers
    "DataConfig",
    "FitConfig",
    "ModelConfig",
    "MunetError",
    "STFTConfig",
    "Separator",
    "UNetConfig",
    "load_model",
    "preset",
    "save_model",
    "separator_model",
    "build_network",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        with advising():
            return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
