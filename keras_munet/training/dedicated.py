"""Dedicated networks: one per source, which together are one model."""

import dataclasses
from collections.abc import Sequence

from keras_munet.config import FitConfig


def dedicated_configs(
    config: FitConfig, sources: Sequence[str]
) -> dict[str, FitConfig]:
    """Returns one config per source, otherwise equal to `config`.

    Their weighting is `unit`: one loss has nothing to be weighted against.
    """
    unet = dataclasses.replace(config.model.unet, architecture="dedicated")
    return {
        source: dataclasses.replace(
            config,
            weighting="unit",
            model=dataclasses.replace(config.model, sources=(source,), unet=unet),
        )
        for source in sources
    }
