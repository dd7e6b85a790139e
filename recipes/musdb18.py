"""Writes what `musdb` knows of MUSDB18 to keras_munet/data/musdb18.json.

    python recipes/musdb18.py

It asks musdb itself, which needs the programs ffmpeg and ffprobe to be imported: so
the package carries the answer, and reads MUSDB18 where musdb is not installed. A test
holds the file to the musdb that is installed.
"""

import importlib.metadata
import json
import tempfile
from pathlib import Path

import musdb

FILE = Path(__file__).parents[1] / "keras_munet" / "data" / "musdb18.json"


def main() -> None:
    """Writes the file."""
    with tempfile.TemporaryDirectory() as empty:
        settings = musdb.DB(root=empty).setup
    version = importlib.metadata.version("musdb")
    content = {
        "from": f"musdb {version}, https://github.com/sigsep/sigsep-mus-db",
        "licence": "MIT, Copyright (c) 2015, 2016, 2017 Fabian-Robert Stöter, "
        "Copyright (c) 2018, 2019 Inria",
        "stem_ids": settings["stem_ids"],
        "validation_tracks": settings["validation_tracks"],
    }
    text = json.dumps(content, indent=2, ensure_ascii=False)
    FILE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
