"""Scores the shipped models: on unseen generated songs, and on the excerpt of MUSDB18.

    python recipes/score.py FOLDER OUT

FOLDER is that of `recipes/train.sh`: its test songs, and the histories of its runs (of
runs that it does not have, those of the last time stay). Writes OUT/scores.md, the
reports of `keras-munet evaluate` that it is made of, curves, and sheets of masks and
spectrograms.
"""

import argparse
import shutil
from pathlib import Path

from keras_munet.config import DataConfig
from keras_munet.data.excerpt import excerpt
from keras_munet.data.track import Track
from keras_munet.evaluation import figures
from keras_munet.evaluation.evaluate import evaluate
from keras_munet.evaluation.report import OVERALL, Report
from keras_munet.evaluation.scoring import Estimator
from keras_munet.evaluation.selection import choose_setting, select_tracks
from keras_munet.evaluation.tables import ROW_TITLES, cell, markdown_table
from keras_munet.files import replacing
from keras_munet.reproduction.sheets import draw_sheets
from keras_munet.studio.engine import write_score
from keras_munet.weights.shipped import shipped_models
from keras_munet.workers import n_cores

SONGS, SEED, SECONDS = "songs-more", 3, 48.0
"""The last songs in recipes/train.sh; their test songs chose nothing."""

DRAWN = 3
"""Place of the song that is drawn; it has a voice in its middle."""

RUNS = {
    "L1": ("vocals-l1", "4stems-l1"),
    "squared error": ("vocals-energy", "vocals-more", "4stems-more"),
    "varied": ("vocals-varied", "vocals-wide"),
    "GPU": ("vocals-gpu", "vocals-gpu-narrow"),
}
"""In the order of recipes/train.sh."""

ROWS = {"estimates": "the model", **ROW_TITLES}


def evaluate_songs(
    model: str | Path, sources: tuple[str, ...], songs: Path, path: Path
) -> tuple[Report, list[Track], Estimator | None]:
    """Scores a model on the test songs of a folder, or on the one song of a file.

    Returns:
        The report, which is also at `path`; the songs; what separated them.
    """
    split = "all" if songs.is_file() else "test"
    tracks = select_tracks(songs, DataConfig(sources=sources), split=split)
    setting, estimator = choose_setting(tracks, model=model, split=split, oracle=True)
    report = evaluate(tracks, setting, estimator, path, workers=n_cores())
    return report, tracks, estimator


def score(
    model: str, sources: tuple[str, ...], name: str, songs: Path, out: Path
) -> Report:
    """Returns the report of one model on one set of songs, and draws one song."""
    path = out / f"{model}-{name}.json"
    report, tracks, estimator = evaluate_songs(model, sources, songs, path)
    sheets = out / f"{model}-{name}"
    sheets.mkdir(exist_ok=True)
    draw_sheets(estimator, tracks[min(DRAWN, len(tracks) - 1)], sheets)
    return report


def table(report: Report) -> list[str]:
    """Lines of a table: model, ideal mask and mixture, per source."""
    sources, summary = (*report.sources, OVERALL), report.summary()
    rows = (
        [title, *(cell(summary[row][source]["sdr"]) for source in sources)]
        for row, title in ROWS.items()
    )
    return markdown_table(["SDR in dB", *sources], rows)


def by_style(report: Report) -> list[str]:
    """Lines of a table: vocals SDR of every song, with the style that it was drawn."""
    rows = []
    for name, track in sorted(report.tracks.items()):
        index = int(name.rpartition(" ")[2])
        style = write_score(SEED, index, SECONDS).style
        found = [track.scores[row]["vocals"]["sdr"] for row in ROWS]
        cells = ["silent" if value is None else f"{value:.2f}" for value in found]
        rows.append([str(index), style, *cells])
    return markdown_table(["song", "style", *ROWS.values()], rows)


def main() -> None:
    """Scores, draws and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of recipes/train.sh")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    sets = {"studio": options.folder / SONGS, "excerpt": excerpt()}
    titles = {
        "studio": "Test songs of the studio: other singers, soundfont and drum kits",
        "excerpt": "The 6 s of MUSDB18, real music",
    }
    lines = [
        "# Scores",
        "",
        "`keras-munet evaluate`, protocol `paper`: mono, 10,880 Hz.",
    ]
    lines += ["Mean ± standard deviation (median) over songs.", ""]
    for name, model in shipped_models().items():
        lines += [f"## `{name}`", ""]
        for kind, path in sets.items():
            report = score(name, model.sources, kind, path, options.out)
            lines += [f"### {titles[kind]}", "", *table(report)]
            if kind == "studio" and name == "vocals":
                lines += ["Vocals, song by song:", "", *by_style(report)]
            lines += [
                f"![masks]({name}-{kind}/masks.png)",
                f"![spectrograms]({name}-{kind}/spectrograms.png)",
                "",
            ]
    lines += ["## Curves", ""]
    for loss, runs in RUNS.items():
        for run in runs:
            for file in ("history.csv", "metrics.json"):
                new = options.folder / run / file
                if new.exists():
                    shutil.copyfile(new, options.out / f"{run}-{file}")
        path = options.out / f"losses-{loss.split()[0].lower()}.png"
        histories = {
            run: figures.read_history(options.out / f"{run}-history.csv")
            for run in runs
        }
        figures.plot_losses(histories, path)
        lines.append(f"![{loss}]({path.name})")
    with replacing(options.out / "scores.md") as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
