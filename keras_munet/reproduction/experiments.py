"""The paper's experiments as data: every row of Tables II, III and IV."""

import functools
import importlib.resources
import json
from dataclasses import dataclass
from typing import Any

from keras_munet.config import FOUR_SOURCES, TWO_SOURCES
from keras_munet.errors import MunetError

TABLES = ("table-2", "table-3", "table-4")
EXPERIMENTS = ("table-1", *TABLES, "figure-2")


@dataclass(frozen=True)
class Row:
    """One method in one setting.

    Attributes:
        name: unique, and part of file names.
        title: as in `paper.json`.
        sources: the setting.
        architecture: `munet`, `dedicated` (one network per source) or `cunet`.
        weighting: of the losses.
        loss: `indirect` or `direct`.
        keep_silent: train on chunks with a silent source.
    """

    name: str
    title: str
    sources: tuple[str, ...]
    architecture: str = "munet"
    weighting: str = "unit"
    loss: str = "indirect"
    keep_silent: bool = False


_METHODS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("dedicated", "Dedicated U-Nets", {"architecture": "dedicated"}),
    ("c-u-net", "C-U-Net", {"architecture": "cunet"}),
    ("uw", "UW", {}),
    ("dwa", "DWA", {"weighting": "dwa"}),
    ("ebw-p1", "EBW_P1", {"weighting": "ebw-p1"}),
    ("ebw-inst-p1", "EBW_InstP1", {"weighting": "ebw-inst-p1"}),
    ("oh", "Oh et al.", {"weighting": "oh"}),
    ("ebw-p2", "EBW_P2", {"weighting": "ebw-p2"}),
)


def rows(experiment: str) -> list[Row]:
    """Returns the rows of one table, in the paper's order.

    Raises:
        MunetError: for another experiment.
    """
    if experiment == "table-2":
        return [_row(TWO_SOURCES, *method) for method in _METHODS]
    if experiment == "table-3":
        return [_row(FOUR_SOURCES, *method) for method in _METHODS]
    if experiment == "table-4":
        base = {"weighting": "ebw-p1"}
        return [
            _row(FOUR_SOURCES, "ebw-p1", "EBW_P1", base),
            _row(FOUR_SOURCES, "direct", "Direct loss", {**base, "loss": "direct"}),
            _row(
                FOUR_SOURCES,
                "with-silent",
                "With silent-source samples",
                {**base, "keep_silent": True},
            ),
        ]
    raise MunetError(f"{experiment!r} has no rows. Tables: {', '.join(TABLES)}.")


def _row(sources: tuple[str, ...], name: str, title: str, kind: dict[str, Any]) -> Row:
    n_sources = len(sources)
    if name == "dedicated":
        title = f"{title} (x{n_sources})"
    if name == "ebw-p2" and n_sources == 2:  # the paper's footnote to Table II
        title = f"{title} (lr 0.001)"  # as the preset says
    return Row(f"{n_sources}src-{name}", title, sources, **kind)


@functools.cache
def paper() -> dict[str, Any]:
    """Returns the paper's numbers (`paper.json`)."""
    file = importlib.resources.files("keras_munet.reproduction") / "paper.json"
    values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return values


def paper_scores(row: Row) -> dict[str, list[float]]:
    """Returns source (and `overall`) -> [mean, std, median] in dB, empty if unknown."""
    setting = {2: "two_sources", 4: "four_sources"}[len(row.sources)]
    scores: dict[str, list[float]] = paper()[setting].get(row.title, {})
    return scores
