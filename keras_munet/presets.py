"""Settings known by name: the paper's, and ours for smaller machines."""

import dataclasses
from typing import Any

from keras_munet.config import (
    FLOOR_DB,
    FOUR_SOURCES,
    TWO_SOURCES,
    FitConfig,
    ModelConfig,
    UNetConfig,
)
from keras_munet.errors import MunetError


def _preset(
    sources: tuple[str, ...], width: int, *, depth: int = 6, **settings: Any
) -> FitConfig:
    # Dropout keeps networks this narrow from learning quiet sources for very long.
    unet = UNetConfig(width=width, depth=depth, dropout=0.0, output_bias=0.5)
    model = ModelConfig(sources=sources, unet=unet, floor_db=FLOOR_DB)
    return FitConfig(model=model, **settings)


def _presets() -> dict[str, FitConfig]:
    ours: dict[str, Any] = {
        "optimizer": "adam",
        "learning_rate": 5e-4,
        "normalize": True,
        "clip_norm": 5.0,
        "augment": ("remix", "gain", "polarity"),
    }
    tiny: dict[str, Any] = {**ours, "batch_size": 4, "epochs": 20}
    presets: dict[str, FitConfig] = {}
    for label, sources in (("2src", TWO_SOURCES), ("4src", FOUR_SOURCES)):
        presets[f"paper-{label}"] = FitConfig(model=ModelConfig(sources=sources))
        presets[f"small-{label}"] = _preset(sources, 16, **ours)
        presets[f"mobile-{label}"] = _preset(sources, 8, **ours)
        presets[f"tiny-{label}"] = _preset(sources, 4, depth=4, **tiny)
    return presets


PRESETS: dict[str, FitConfig] = _presets()


RATES = {("paper-2src", "ebw-p2"): 0.001}
"""Learning rates of the paper that go with a weighting (footnote to Table II)."""


def preset(name: str, *, weighting: str | None = None) -> FitConfig:
    """Returns the settings known under `name` (see `PRESETS`).

    Args:
        name: of the preset.
        weighting: what the losses will be weighted with, if not as the preset says;
            the paper has another learning rate for one of them.

    Raises:
        MunetError: when there is no such preset; the message lists them.
    """
    if name not in PRESETS:
        raise MunetError(f"Unknown preset {name!r}. Presets: {', '.join(PRESETS)}.")
    config = PRESETS[name]
    if weighting is None:
        return config
    rate = RATES.get((name, weighting), config.learning_rate)
    return dataclasses.replace(config, weighting=weighting, learning_rate=rate)
