"""Reports of `evaluate`: one JSON file, complete after every track.

Reading and writing keep the law that a report is never half a track: the file is
replaced as a whole when a track is done, so a run that was stopped goes on with the
next one.
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from keras_munet.errors import DataError, MunetError
from keras_munet.files import write_json

FORMAT = "keras-munet-report-1"
OVERALL = "overall"
ROWS = ("estimates", "oracle", "mixture")
"""What is scored: the model or the given stems, the ideal masks, the mixture."""

_ADVICE = "Make one with `keras-munet evaluate`."

TrackScores = dict[str, dict[str, dict[str, float | None]]]
"""Row -> source -> metric -> dB; None where nothing could be scored."""


@dataclass
class TrackReport:
    """The scores of one track.

    Attributes:
        scores: row (see `ROWS`) -> source -> metric -> dB or None.
        split: `train`, `valid` or `test`.
        seconds: length of the track.
        sample_rate: at which it was scored, in Hz.
        inputs: size and time of each file of stems that was scored, to notice changes.
        silent: sources without any signal: `references`, `estimates`.
        singular: whether the references are linearly dependent.
        notes: what was aligned, resampled or ignored, in words.
    """

    scores: TrackScores
    split: str
    seconds: float
    sample_rate: int
    inputs: dict[str, list[int]] = field(default_factory=dict)
    silent: dict[str, list[str]] = field(default_factory=dict)
    singular: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass
class Report:
    """All that `evaluate` found out.

    Attributes:
        header: protocol, sources, metrics, rates, backend, method with weights hash:
            what must be equal for tracks to stand in one report.
        versions: of the software.
        tracks: name -> scores.
        failed: name -> why it could not be scored.
    """

    header: dict[str, Any]
    versions: dict[str, str] = field(default_factory=dict)
    tracks: dict[str, TrackReport] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def sources(self) -> list[str]:
        """Names of the scored sources, in order."""
        return list(self.header["sources"])

    @property
    def metrics(self) -> list[str]:
        """Names of the ratios; the first is the headline."""
        return list(self.header["metrics"])

    @property
    def row(self) -> str:
        """The row that the report is about."""
        return "oracle" if self.header["method"]["kind"] == "oracle" else "estimates"

    @property
    def rows(self) -> list[str]:
        """Rows that at least one track has, in the order of `ROWS`."""
        tracks = self.tracks.values()
        return [row for row in ROWS if any(row in track.scores for track in tracks)]

    def values(self, row: str, source: str, metric: str) -> dict[str, float]:
        """Returns track -> dB of one row and source; NaN where not scored."""
        return {
            name: _number(track.scores.get(row, {}).get(source, {}).get(metric))
            for name, track in sorted(self.tracks.items())
        }

    def summary(self) -> dict[str, Any]:
        """Returns row -> source (and `overall`) -> metric -> statistics.

        `overall` is over all (track, source) pairs, as in the paper. Standard
        deviations are those of the population (division by n).
        """
        return {
            row: {
                source: {
                    metric: statistics(self._pooled(row, source, metric))
                    for metric in self.metrics
                }
                for source in [*self.sources, OVERALL]
            }
            for row in self.rows
        }

    def _pooled(self, row: str, source: str, metric: str) -> list[float]:
        sources = self.sources if source == OVERALL else [source]
        return [v for name in sources for v in self.values(row, name, metric).values()]

    def save(self, path: str | Path) -> None:
        """Writes the report, summary included, atomically."""
        tracks = {name: vars(track) for name, track in sorted(self.tracks.items())}
        write_json(
            path,
            {
                "format": FORMAT,
                "header": self.header,
                "versions": self.versions,
                "summary": self.summary(),
                "failed": self.failed,
                "tracks": tracks,
            },
        )


def statistics(values: list[float]) -> dict[str, float | int | None]:
    """Returns mean, std, median, n and how many are missing (NaN or infinite)."""
    known = np.array([value for value in values if math.isfinite(value)])
    missing = len(values) - len(known)
    if not len(known):
        return {"mean": None, "std": None, "median": None, "n": 0, "missing": missing}
    return {
        "mean": float(known.mean()),
        "std": float(known.std()),
        "median": float(np.median(known)),
        "n": len(known),
        "missing": missing,
    }


def load_report(path: str | Path) -> Report:
    """Reads a report.

    Raises:
        DataError: when the file is missing, damaged, or no report of ours.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"No report at {path}. {_ADVICE}") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path} cannot be read as a report: {error}") from error
    return parse_report(values, str(path))


def parse_report(values: Any, name: str) -> Report:
    """Returns the report in a file's JSON values; `name` is for messages.

    Raises:
        DataError: when the values are damaged, or no report of ours.
    """
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        found = values.get("format") if isinstance(values, dict) else None
        raise DataError(
            f"{name} is no report of this version (format {found!r}, wanted "
            f"{FORMAT!r}). {_ADVICE}"
        )
    try:
        tracks = {
            name: TrackReport(**track) for name, track in values["tracks"].items()
        }
        report = Report(values["header"], values["versions"], tracks, values["failed"])
        _ = report.sources, report.metrics, report.row
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{name} is a damaged report: {error!r}. {_ADVICE}") from error
    return report


def check_same(ours: dict[str, Any], theirs: dict[str, Any], what: str) -> None:
    """Refuses headers that differ; the message names each value.

    Raises:
        MunetError: when any setting differs.
    """
    differing = [
        f"{key} is {theirs.get(key)!r}, not {ours.get(key)!r}"
        for key in sorted({*ours, *theirs})
        if ours.get(key) != theirs.get(key)
    ]
    if differing:
        raise MunetError(f"{what}: {'; '.join(differing)}.")


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
