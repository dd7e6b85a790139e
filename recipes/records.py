"""Real bands: how much is taken for a voice, and how a voice among them is found.

    apt-get install fretsonfire-songs-muldjord fretsonfire-songs-sectoid \
        lincity-ng-data wesnoth-1.16-music
    python recipes/records.py OUT.md [--models vocals,4stems] [--root /]

The packages hold free recordings of bands and orchestras, part played and part
programmed, made for games and taken to be without singers (a voice that should be in
one counts against the models). The voice is that of the excerpt of MUSDB18. Nothing was
trained on them, and none of this chose anything.
"""

import argparse
import functools
from pathlib import Path

import numpy as np

from keras_munet import DataConfig, Separator
from keras_munet.audio.reading import read_audio
from keras_munet.audio.resample import downmix, resample
from keras_munet.data.excerpt import excerpt
from keras_munet.data.stems import VOCALS
from keras_munet.data.tracks import find_tracks
from keras_munet.dsp import FloatArray
from keras_munet.evaluation.bss_eval import bss_eval
from keras_munet.evaluation.tables import markdown_table
from keras_munet.files import replacing

GAMES = "usr/share/games"
BANDS = {
    "rock and metal": f"{GAMES}/fretsonfire/data/songs/*/*/song.ogg",
    "orchestra": f"{GAMES}/wesnoth/*/data/core/music/*.ogg",
    "electronic": f"{GAMES}/lincity-ng/music/default/*.ogg",
}
MOST = 8
"""Recordings of one kind."""

PLACES = (0.25, 0.5, 0.75)
"""Of the pieces of a recording, as shares of its length."""

LEVELS = (0.0, -2.2, -5.0)
"""Of the voice over the band, in dB: what the mixture itself scores, near enough."""

BAND_LEVEL = -2.2
"""Of `LEVELS`: at which the band is scored, too."""

Measured = tuple[list[float], list[list[float]]]


@functools.cache
def pieces(path: Path, rate: int, n_samples: int) -> list[FloatArray]:
    """Returns the pieces of a recording, mono; with the guitars that lie beside it."""
    audio, own_rate = read_audio(path)
    guitars = path.with_name("guitar.ogg")
    if guitars.exists():
        more, _ = read_audio(guitars)
        shorter = min(len(audio), len(more))
        audio = audio[:shorter] + more[:shorter]
    band = resample(downmix(audio)[:, None], own_rate, rate)[:, 0]
    starts = [round(place * (len(band) - n_samples)) for place in PLACES]
    return [band[start : start + n_samples].copy() for start in starts]


def separated(separator: Separator, mixture: FloatArray) -> FloatArray:
    """Returns what the model takes for vocals."""
    rate = separator.config.stft.sample_rate
    return separator.separate(mixture[:, None], sample_rate=rate)[VOCALS][:, 0]


def measure(
    separator: Separator, voice: FloatArray, band: list[FloatArray]
) -> Measured:
    """Returns a share per piece, and SDRs: the voice per level, and the band."""
    shares, ratios = [], []
    for piece in band:
        if not piece.any():
            continue
        taken = separated(separator, piece)
        shares.append(float(np.sum(taken**2) / np.sum(piece**2)))
        sdrs = {}
        for level in LEVELS:
            gain = 10 ** (level / 20) * np.std(piece) / np.std(voice)
            sung = np.float32(gain) * voice
            found = separated(separator, sung + piece)
            references = np.stack([sung, piece])
            estimates = np.stack([found, sung + piece - found])
            sdrs[level] = bss_eval(references, estimates).sdr.tolist()
        ratios.append([*(sdr[0] for sdr in sdrs.values()), sdrs[BAND_LEVEL][1]])
    return shares, ratios


def rows(model: str, root: Path) -> list[list[str]]:
    """Returns a row of the table for each kind of band, and one for all."""
    separator = Separator.load(model, band="model")
    rate = separator.config.stft.sample_rate
    (song,) = find_tracks(excerpt(), DataConfig())
    voice = song.load_resampled([VOCALS], sample_rate=rate)[VOCALS][:, 0]
    table, everything = [], []
    for kind, pattern in BANDS.items():
        paths = sorted(root.glob(pattern))[:MOST]
        if not paths:
            raise SystemExit(f"No {pattern} in {root}: install the packages (--help).")
        bands = [pieces(path, rate, len(voice)) for path in paths]
        measured = [measure(separator, voice, band) for band in bands]
        everything += measured
        table.append(row(model, kind, measured))
    return [*table, row(model, "all", everything)]


def row(model: str, kind: str, measured: list[Measured]) -> list[str]:
    """Returns a row of the table: what was measured of each recording, in short."""
    shares = 100 * np.array([np.mean(share) for share, _ in measured])
    ratios = np.array([np.mean(ratio, axis=0) for _, ratio in measured])
    share = f"{np.median(shares):.1f} % ({shares.min():.1f} to {shares.max():.1f})"
    cells = [
        f"{mean:.2f} ({median:.2f})"
        for mean, median in zip(
            ratios.mean(axis=0), np.median(ratios, axis=0), strict=True
        )
    ]
    whole = [f"`{model}`", kind, str(len(measured)), share, *cells]
    print(*whole, flush=True)
    return whole


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--models", default="vocals,4stems")
    parser.add_argument("--root", type=Path, default=Path("/"))
    options = parser.parse_args()
    levels = (f"voice at {level:g} dB" for level in LEVELS)
    titles = ["model", "band", "recordings", "taken for a voice", *levels]
    titles.append(f"band at {BAND_LEVEL:g} dB")
    found = [row for m in options.models.split(",") for row in rows(m, options.root)]
    lines = [
        "# Real bands",
        "",
        "Recordings taken to have no singers (`recipes/records.py`), 3 pieces of 6 s.",
        "*Taken for a voice*: share of the band's energy that goes to the vocals,",
        "median over recordings (least to most). Then the SDR in dB of a real voice,",
        "that of the MUSDB18 excerpt, at so many dB over the band (what the mixture",
        "itself scores, near enough), and of the band: mean (median) over recordings.",
        "",
        *markdown_table(titles, found),
    ]
    with replacing(options.out) as part:
        part.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
