"""SavedModel: for TensorFlow in any language and for TF Serving."""

import json
from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

from keras_munet.artefact.card import NOT_STATED, model_card
from keras_munet.artefact.saved_model import CARD_FILE
from keras_munet.config import ModelConfig
from keras_munet.errors import ExportError
from keras_munet.export.graph import SeparatorGraph
from keras_munet.files import replacing

SIGNATURES = ("separate_chunk", "separate", "separate_wav", "masks", "model_card")
FIXED_LENGTH = ("separate_chunk", "masks", "model_card")
"""Signatures whose requests a server may merge into one batch."""

DEFAULT = "serving_default"


def export_saved_model(
    network: keras.Model,
    config: ModelConfig,
    folder: str | Path,
    *,
    signatures: Sequence[str] = SIGNATURES,
    training_data: str = NOT_STATED,
    licence: str = NOT_STATED,
) -> Path:
    """Writes `network` as a SavedModel folder that needs no code of ours.

    Signatures: `serving_default` and `separate_chunk` (`waveform`
    `[batch, chunk_length]` -> one waveform per source), `masks` (the same input),
    `separate` (`waveform` `[batch, n]`, any n), `separate_wav` (`wav_bytes`
    `[batch]`, 16 bit at the model's rate -> `<source>_bytes`), `model_card` (`row`
    int32 `[batch]` -> the card's JSON text, for clients).

    Args:
        network: of any architecture.
        config: of the network.
        folder: must not exist yet, or be empty.
        signatures: which of them to write.
        training_data: what the network was trained on, for the model card.
        licence: terms of the weights, for the model card.

    Returns:
        The folder.

    Raises:
        ExportError: when there is something at `folder`.
    """
    folder = Path(folder)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise ExportError(f"{folder} exists already. Choose another place.")
    unknown = sorted(set(signatures) - set(SIGNATURES))
    if unknown or "separate_chunk" not in signatures:
        raise ValueError(
            f"`signatures` must be of {', '.join(SIGNATURES)}, with separate_chunk. "
            f"Received: {', '.join(signatures)}"
        )
    names = sorted({*signatures, DEFAULT})
    card = model_card(
        network,
        config,
        artefact={"kind": "saved_model", "signatures": ", ".join(names)},
        training_data=training_data,
        licence=licence,
    )
    text = json.dumps(card, indent=2) + "\n"
    graph = SeparatorGraph(network, config, text)
    functions = {name: graph.functions[name] for name in signatures}
    functions[DEFAULT] = functions["separate_chunk"]
    with replacing(folder) as part:
        tf.saved_model.save(graph, str(part), signatures=functions)
        (part / CARD_FILE).parent.mkdir(exist_ok=True)
        (part / CARD_FILE).write_text(text, encoding="utf-8")
    return folder
