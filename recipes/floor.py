"""Gives a trained network a floor under what it hears; its weights stay as they are.

    python recipes/floor.py MODEL OUT.keras --db -80

For networks that were trained without one (`floor_db` in the config): the shipped ones
learned from 16 bit songs, whose own rounding is a floor, and hardly heard the rounding
noise of float32 that digital silence, 24 bit files and MP3s hold.
`benchmarks/silence.py` measures what a floor does.
"""

import argparse
import dataclasses
from pathlib import Path

from keras_munet.export.trained import load_trained
from keras_munet.models import save_model


def give_floor(model: str | Path, out: Path, floor_db: float) -> None:
    """Writes `model` again, with `floor_db` in its config."""
    trained = load_trained(model)
    config = dataclasses.replace(trained.config, floor_db=floor_db)
    save_model(trained.network, config, out)


def main() -> None:
    """Writes one file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "model", help="run folder, .keras, or the name of a shipped one"
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--db", type=float, default=-80.0)
    options = parser.parse_args()
    give_floor(options.model, options.out, options.db)


if __name__ == "__main__":
    main()
