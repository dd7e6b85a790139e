"""Is one report better than another? Paired by track, with its uncertainty.

Songs differ by several dB, methods by a tenth: only differences on the same songs
say anything. All statements are about songs, so songs are what is resampled, for
`overall` too, where a song counts with the mean of its sources.
"""

from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from keras_munet.errors import MunetError
from keras_munet.evaluation.report import OVERALL, Report, check_same

Array = NDArray[np.floating]

N_RESAMPLES = 10_000
LEVEL = 0.95
_SAME = ("protocol", "metrics", "sources", "references", "sample_rate")


@dataclass(frozen=True)
class Difference:
    """How much better one method is than another, for one source.

    Attributes:
        source: a source, or `overall`.
        n: songs that both methods have a score for.
        missing: songs left out because one of them has none.
        mean: of the paired differences, in dB; positive where the second is better.
        median: of the paired differences, in dB.
        low: lower end of the 95 % bootstrap interval of the mean.
        high: upper end.
        p: of the Wilcoxon signed-rank test, corrected for the number of rows (Holm).
        better: share of songs where the second is better.
    """

    source: str
    n: int
    missing: int
    mean: float
    median: float
    low: float
    high: float
    p: float
    better: float

    @property
    def shown(self) -> bool:
        """Whether interval and test both say that there is a difference."""
        return (self.low > 0 or self.high < 0) and self.p < 1 - LEVEL

    def in_words(self, first: str, second: str) -> str:
        """Says what may be concluded."""
        where = "Overall" if self.source == OVERALL else self.source.capitalize()
        if self.n < 2:
            return f"{where}: {self.n} songs in common are too few to compare."
        interval = f"{self.mean:+.2f} dB, 95 % [{self.low:+.2f}, {self.high:+.2f}]"
        if not self.shown:
            few = " With fewer than 6 songs none can be shown." if self.n < 6 else ""
            return (
                f"{where}: no difference shown between {first} and {second} "
                f"({interval}, p = {self.p:.2g}, {self.n} songs).{few}"
            )
        best, worse = (second, first) if self.mean > 0 else (first, second)
        return (
            f"{where}: {best} is better than {worse} by {abs(self.mean):.2f} dB "
            f"({interval}, p = {self.p:.2g}, {self.n} songs)."
        )


@dataclass(frozen=True)
class Comparison:
    """All differences of one report from the first.

    Attributes:
        first: name of the report that others are compared with.
        second: name of the other.
        metric: which ratio.
        differences: one per source, then `overall`.
        pairs: source -> paired differences in dB, one per song.
    """

    first: str
    second: str
    metric: str
    differences: list[Difference]
    pairs: dict[str, Array]


def compare(
    reports: dict[str, Report],
    *,
    metric: str = "sdr",
    seed: int = 0,
    common_tracks: bool = False,
) -> list[Comparison]:
    """Compares every report with the first, song by song.

    Args:
        reports: name -> report, two at least.
        metric: which ratio.
        seed: of the bootstrap.
        common_tracks: compare the tracks that all have, instead of refusing reports
            with different ones.

    Raises:
        MunetError: for reports of different protocols or tracks, naming what
            differs, or a ratio they do not have.
    """
    if len(reports) < 2:
        raise ValueError(f"`reports` must be two at least. Received: {len(reports)}")
    (first, base), *others = reports.items()
    if metric not in base.metrics:
        raise MunetError(
            f"{first} has no {metric!r}. Its ratios: {', '.join(base.metrics)}."
        )
    for name, report in others:
        _check(first, base, name, report, common_tracks)
    found = []
    for name, report in others:
        pairs = _pairs(base, report, metric)
        found.append((name, pairs, [_difference(s, d, seed) for s, d in pairs.items()]))
    corrected = iter(_holm([d.p for _, _, rows in found for d in rows]))
    return [
        Comparison(
            first,
            name,
            metric,
            [Difference(**{**vars(row), "p": next(corrected)}) for row in rows],
            pairs,
        )
        for name, pairs, rows in found
    ]


def _check(first: str, base: Report, name: str, report: Report, common: bool) -> None:
    ours, theirs = (
        {key: header.get(key) for key in _SAME}
        for header in (base.header, report.header)
    )
    check_same(ours, theirs, f"{name} cannot be compared with {first}")
    differing = sorted(set(base.tracks) ^ set(report.tracks))
    if differing and not common:
        shown = ", ".join(differing[:5]) + (", ..." if len(differing) > 5 else "")
        raise MunetError(
            f"{name} cannot be compared with {first}: {len(differing)} tracks are in "
            f"only one of them ({shown}). Score them, or use --common-tracks."
        )
    if not set(base.tracks) & set(report.tracks):
        raise MunetError(f"{name} and {first} have no track in common.")


def _pairs(base: Report, report: Report, metric: str) -> dict[str, Array]:
    """Returns source -> difference per song, NaN where one has no score."""
    names = sorted(set(base.tracks) & set(report.tracks))
    pairs = {}
    for source in base.sources:
        ours = base.values(base.row, source, metric)
        theirs = report.values(report.row, source, metric)
        pairs[source] = np.array([theirs[name] - ours[name] for name in names])
    stacked = np.stack(list(pairs.values()))
    known = np.isfinite(stacked)
    n_known = known.sum(axis=0)
    total = np.where(known, stacked, 0).sum(axis=0)
    pairs[OVERALL] = np.where(n_known, total / np.maximum(n_known, 1), np.nan)
    return pairs


def _difference(source: str, differences: Array, seed: int) -> Difference:
    known = differences[np.isfinite(differences)]
    n = len(known)
    missing = len(differences) - n
    if n == 0:
        nan = float("nan")
        return Difference(source, 0, missing, nan, nan, nan, nan, 1.0, nan)
    low, high = _interval(known, seed)
    return Difference(
        source=source,
        n=n,
        missing=missing,
        mean=float(known.mean()),
        median=float(np.median(known)),
        low=low,
        high=high,
        p=_wilcoxon(known),
        better=float((known > 0).mean()),
    )


def _interval(differences: Array, seed: int) -> tuple[float, float]:
    """Returns the percentile bootstrap interval of the mean."""
    rng = np.random.default_rng(seed)
    n = len(differences)
    chosen = rng.integers(0, n, size=(N_RESAMPLES, n))
    means = differences[chosen].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _wilcoxon(differences: Array) -> float:
    if not differences.any():
        return 1.0
    return float(scipy.stats.wilcoxon(differences).pvalue)


def _holm(values: list[float]) -> list[float]:
    """Corrects p-values for their number (Holm 1979)."""
    order = np.argsort(values, kind="stable")
    corrected, running = [0.0] * len(values), 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, values[index] * (len(values) - rank)))
        corrected[index] = running
    return corrected
