"""Stand-ins for the shipped weights, so that no test depends on how those score."""

import functools
import importlib.util
import json
import shutil
import sys
from pathlib import Path

from export_tools import keras_file, tflite_file
from separation_tools import tiny_network

from keras_munet.config import FOUR_SOURCES
from keras_munet.files import sha256, write_json
from keras_munet.weights import shipped

SHIPPED = Path(shipped.__file__).parent
SCRIPTS = Path(__file__).resolve().parents[1] / "recipes"


def script(name):
    """Loads one of the scripts in `recipes/`."""
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # for its worker processes
    spec.loader.exec_module(module)
    return module


@functools.cache
def four_stems():
    """Path of a `.tflite` of four sources."""
    from keras_munet.export.tflite import export_tflite

    network, config = tiny_network(FOUR_SOURCES)
    path = tflite_file("varying", "float16").with_name("four.tflite")
    return export_tflite(network, config, path, quantize="float16").path


def stand_in(folder, monkeypatch):
    """Makes `folder` the home of the shipped models: small ones, whole, with cards.

    The `.keras` files are looked for in `folder / "keras"`, where `vocals` has one.
    """
    (folder / "keras").mkdir(parents=True)
    index = json.loads((SHIPPED / "index.json").read_text())
    files = {"vocals": tflite_file("varying", "float16"), "4stems": four_stems()}
    for name, file in files.items():
        entry = index["models"][name]
        shutil.copyfile(file, folder / entry["file"])
        shutil.copyfile(SHIPPED / entry["card"], folder / entry["card"])
        entry["n_bytes"], entry["sha256"] = file.stat().st_size, sha256(file)
        entry["keras_sha256"] = None
    shutil.copyfile(keras_file(), folder / "keras" / "vocals.keras")
    index["models"]["vocals"]["keras_sha256"] = sha256(keras_file())
    write_json(folder / "index.json", index)
    monkeypatch.setattr(shipped, "FOLDER", folder)
    monkeypatch.setattr(shipped, "KERAS_FOLDER", folder / "keras")
    return folder
