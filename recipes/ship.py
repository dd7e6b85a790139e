"""Makes a trained run one of the shipped models.

    python recipes/ship.py RUN NAME

Exports the run's best network as a float16 `.tflite` into `keras_munet/weights`, holds
it against Keras, copies the `.keras` beside this file, and writes sizes and hashes into
`keras_munet/weights/index.json`. Nothing is changed when the export breaks its promise.
The model card, `keras_munet/weights/NAME.md`, is written by hand.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from keras_munet.errors import ExportError
from keras_munet.export.tflite import export_tflite
from keras_munet.export.trained import load_trained
from keras_munet.export.verify import verify
from keras_munet.files import replacing, sha256, write_json
from keras_munet.weights import shipped


def ship(run: Path, name: str) -> shipped.Shipped:
    """Returns the entry of `index.json` after the change."""
    model = shipped.shipped_models()[name]
    trained = load_trained(run)
    if trained.config.sources != model.sources:
        raise ExportError(
            f"{name} has the sources {', '.join(model.sources)}; {run} has "
            f"{', '.join(trained.config.sources)}. Choose another run or name."
        )
    with tempfile.TemporaryDirectory() as folder:
        exported = export_tflite(
            trained.network,
            trained.config,
            Path(folder) / "model.tflite",
            quantize="float16",
            training_data=model.training_data,
            licence=model.licence,
        ).path
        failures = verify(exported, trained).failures
        if failures:
            raise ExportError(f"The export of {run} broke promises: {failures}")
        for source, target in (
            (exported, model.path),
            (trained.path, model.keras_path),
        ):
            with replacing(target) as part:
                shutil.copyfile(source, part)
    _write_index(model)
    return shipped.shipped_models()[name]


def _write_index(model: shipped.Shipped) -> None:
    path = shipped.FOLDER / shipped.INDEX
    index = json.loads(path.read_text(encoding="utf-8"))
    index["models"][model.name] |= {
        "n_bytes": model.path.stat().st_size,
        "sha256": sha256(model.path),
        "keras_sha256": sha256(model.keras_path),
    }
    write_json(path, index)


def main() -> None:
    """Ships one run and says what to commit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="of `keras-munet fit`, or a .keras")
    parser.add_argument("name", choices=shipped.shipped_models())
    arguments = parser.parse_args()
    model = ship(arguments.run, arguments.name)
    print(f"{model.path}: {model.n_bytes / 1e6:.1f} MB, SHA-256 {model.sha256}")
    print(f"{model.keras_path}: SHA-256 {model.keras_sha256}")
    print(f"Now write the card, {shipped.FOLDER / model.card}.")


if __name__ == "__main__":
    main()
