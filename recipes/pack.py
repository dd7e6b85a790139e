"""Packs songs into few bytes, to train from on a machine that little can be sent to.

    python recipes/pack.py PACKS SONGS [SONGS ...] [--seconds 48] [--megabytes 50]

One channel of each song (left, right or their mean, drawn), its four stems at 13.6 kHz
in Ogg Vorbis, a seventieth of what it is as MUSDB18-HQ, or a part of so many seconds.
The mixture is not packed: it is the sum of the stems. Songs are shuffled over packs,
zip files `PACKS-00.zip` and so on. Unzipped, they are what `prepare` reads; with its
`--sample-rate 13600`, `fit --reader device` has all of it.
"""

import argparse
import io
import multiprocessing
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from keras_munet.audio.resample import downmix, resample
from keras_munet.config import FOUR_SOURCES
from keras_munet.data.augment import MID
from keras_munet.errors import DataError
from keras_munet.workers import n_cores

RATE = 13600
"""Hertz. A quarter more than networks hear, so that songs can be slowed down."""

COMPRESSION = 0.7
"""From 0 (best) to 1 (smallest)."""

SEED = 1


class Job(NamedTuple):
    """What of a song goes into a pack.

    Attributes:
        folder: of the song.
        channel: `LEFT`, `RIGHT` or `MID` of `augment`.
        place: where in the song, from 0 to 1.
        seconds: how much of it.
    """

    folder: Path
    channel: int
    place: float
    seconds: float


def packed(job: Job) -> tuple[str, list[bytes]]:
    """Returns a song's name and its stems, coded."""
    coded = []
    for stem in FOUR_SOURCES:
        path = job.folder / f"{stem}.wav"
        info = soundfile.info(path)
        rate, n_samples = info.samplerate, round(job.seconds * info.samplerate)
        start = round(job.place * max(0, info.frames - n_samples))
        sound, _ = soundfile.read(path, n_samples, start, dtype="float32")
        mono = downmix(sound) if job.channel == MID else sound[:, job.channel]
        file = io.BytesIO()
        soundfile.write(
            file,
            resample(mono[:, None], rate, RATE),
            RATE,
            format="OGG",
            subtype="VORBIS",
            compression_level=COMPRESSION,
        )
        coded.append(file.getvalue())
    return job.folder.name, coded


def pack(songs: list[Path], out: Path, *, seconds: float, megabytes: float) -> None:
    """Writes packs, each of some megabytes at most, and says how large they are.

    Raises:
        DataError: when there are packs of this name.
    """
    if old := sorted(out.parent.glob(f"{out.name}-*.zip")):
        raise DataError(f"{old[0]} exists. Remove it, or choose another name.")
    rng = np.random.default_rng(SEED)
    jobs = [
        Job(songs[k], int(rng.integers(3)), rng.random(), seconds)
        for k in rng.permutation(len(songs))
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    number, size, whole = -1, float("inf"), 0
    with multiprocessing.Pool(n_cores()) as pool:
        for name, coded in pool.imap(packed, jobs):
            n_bytes = sum(map(len, coded))
            if size + n_bytes > 1e6 * megabytes:
                number, size = number + 1, 0
            size, whole = size + n_bytes, whole + n_bytes
            with zipfile.ZipFile(f"{out}-{number:02}.zip", "a") as archive:
                for stem, data in zip(FOUR_SOURCES, coded, strict=True):
                    archive.writestr(f"{name}/{stem}.ogg", data)
    print(f"{len(songs)} songs, {whole / 1e6:.0f} MB in {number + 1} packs")


def main() -> None:
    """Packs a split of some folders of songs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("songs", type=Path, nargs="+")
    parser.add_argument("--seconds", type=float, default=48.0)
    parser.add_argument("--megabytes", type=float, default=50.0)
    parser.add_argument("--split", default="train")
    options = parser.parse_args()
    folders = [f for s in options.songs for f in sorted((s / options.split).iterdir())]
    pack(folders, options.out, seconds=options.seconds, megabytes=options.megabytes)


if __name__ == "__main__":
    main()
