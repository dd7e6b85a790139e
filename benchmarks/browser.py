"""Speed, memory and weight of the karaoke page in headless Chromium.

    python benchmarks/browser.py [--model MODEL] [--seconds 240] [--threads 1]

Without `--model`, a `mobile-2src` network with random weights: speed and memory do
not depend on what the weights are. `--pictures docs/images` takes the screenshots of
the documentation instead. Needs Node.js, Chromium and `make web`.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from keras_munet.export.web import export_web
from keras_munet.music.engine import make_track

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from web_tools import browse, missing, serving

LIMITS = {
    "real-time factor": 0.35,
    "first sound, s": 6.0,
    "peak memory of the tab, GB": 1.2,
    "page without model, MB": 12.0,
}

LOOKS = [("phone", "light"), ("desktop", "dark")]


def random_model(folder: Path) -> Path:
    from keras_munet import preset
    from keras_munet.models import build_network, save_model

    config = preset("mobile-2src").model
    path = folder / "mobile-2src.keras"
    save_model(build_network(config), config, path)
    return path


def write_song(path: Path, seconds: float) -> None:
    """Writes generated music, repeated to the wanted length."""
    song = make_track(1, 0, 30)["mixture"]
    n_samples = round(seconds * 44100)
    repeated = np.tile(song, (-(-n_samples // len(song)), 1))[:n_samples]
    soundfile.write(path, repeated, 44100)


def figures(seen: dict) -> dict[str, float]:
    return {
        "real-time factor": seen["separated"] / seen["duration"],
        "first sound, s": seen["heard"],
        "peak memory of the tab, GB": seen["peak"] / 1e9,
        "page without model, MB": seen["weight"]["rest"] / 1e6,
        "model, MB": seen["weight"]["model"] / 1e6,
        "page and model ready after, s": seen["loaded"],
        "memory with the model loaded, GB": seen["before"] / 1e9,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--format", choices=["wav", "mp3"], default="wav")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--pictures", type=Path, help="renew docs/images instead")
    options = parser.parse_args()
    reason = missing()
    if reason:
        sys.exit(f"Cannot measure: {reason}.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        song = folder / f"song.{options.format}"
        write_song(song, options.seconds)
        page = export_web(options.model or random_model(folder), folder / "page")
        with serving(page.folder) as url:
            if options.pictures:
                browse("pictures", url=url, out=options.pictures, looks=LOOKS)
                return
            seen = browse("measure", url=url, file=song, threads=options.threads)
    measured = figures(seen)
    if options.json:
        print(json.dumps(measured, indent=2))
        return
    load = os.getloadavg()[0]
    print(
        f"{options.seconds:.0f} s of {options.format}, {options.threads} thread(s), "
        f"{os.cpu_count()} cores, load average {load:.1f}"
    )
    for figure, value in measured.items():
        limit = f"  (wanted: at most {LIMITS[figure]})" if figure in LIMITS else ""
        print(f"{figure:<36}{value:>9.3f}{limit}")


if __name__ == "__main__":
    main()
