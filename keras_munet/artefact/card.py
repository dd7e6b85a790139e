"""The model card: what an artefact says about itself, as JSON inside it."""

import hashlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from keras_munet.config import ModelConfig
from keras_munet.errors import ModelError, MunetError

if TYPE_CHECKING:
    import keras

CARD_NAME = "munet.json"
"""Of the metadata buffer in a `.tflite`, and of the member of a `.keras`."""

NOT_STATED = "not stated"

FORMAT = 1
"""Of card and artefact; to be raised when what reads one could not read the other."""


def model_card(
    network: "keras.Model",
    config: ModelConfig,
    *,
    artefact: dict[str, str],
    training_data: str = NOT_STATED,
    licence: str = NOT_STATED,
) -> dict[str, Any]:
    """Describes a network for people and programs that see only the artefact.

    Args:
        network: the mask network.
        config: of the network.
        artefact: facts of this artefact, such as its kind.
        training_data: what it was trained on.
        licence: terms of the weights.
    """
    stft = config.stft
    return {
        "format": FORMAT,
        "description": "Waveform in, one waveform per source out (keras-munet).",
        "sources": list(config.sources),
        "sample_rate_hz": stft.sample_rate,
        "n_channels": 1,
        "window": stft.chunk_length,
        "window_s": stft.chunk_length / stft.sample_rate,
        "n_parameters": int(network.count_params()),
        "weights_sha256": weights_sha256(network),
        "training_data": training_data,
        "licence": licence,
        "made_with": {
            name: version(name) for name in ("keras-munet", "keras", "tensorflow")
        },
        "artefact": artefact,
        "config": config.to_dict(),
    }


def weights_sha256(network: "keras.Model") -> str:
    """Returns the SHA-256 over all weights in order: equal weights, equal hash."""
    digest = hashlib.sha256()
    for value in network.get_weights():
        digest.update(value.tobytes())
    return digest.hexdigest()


def card_config(card: Any, place: str) -> ModelConfig:
    """Returns the `ModelConfig` inside a card.

    Raises:
        ModelError: when the card holds none, or is of another format; the message
            names `place`.
    """
    if not isinstance(card, dict) or not isinstance(card.get("config"), dict):
        raise ModelError(
            f"{place} holds no model config. Export the model again with keras-munet."
        )
    found = card.get("format", 1)  # cards did not state the first one
    if found != FORMAT:
        newer = isinstance(found, int) and found > FORMAT
        advice = "Install a newer keras-munet." if newer else "Export the model again."
        raise ModelError(
            f"{place} is of model format {found}, and this keras-munet reads format "
            f"{FORMAT}. {advice}"
        )
    try:
        return ModelConfig.from_dict(card["config"])
    except MunetError as error:
        raise ModelError(
            f"{place} holds a model config of another kind: {error}"
        ) from error
