"""One track, from its stems to its scores."""

import threading
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from keras_munet.errors import MunetError
from keras_munet.evaluation.alignment import Form
from keras_munet.evaluation.estimates import Stems
from keras_munet.evaluation.oracle import ideal_estimates
from keras_munet.evaluation.protocols import PROTOCOLS, score
from keras_munet.evaluation.report import Report, TrackReport
from keras_munet.evaluation.setting import Setting
from keras_munet.separation.band import carrier_grid

Array = NDArray[np.floating]

SILENCE_RMS = 2.0**-15
"""References below one step of a 16 bit file, -90 dB, are silent: what dither, codecs
and sums of stems leave is no music, and whatever gives it back would score 250 dB."""

PERFECT_DB = 120.0
"""Ratios above are float32's rounding, not the method's: SIR where no other source
sounds, the mixture of a single source, a stem held against itself."""


class Track(Protocol):
    """What is needed of a track (see `keras_munet.data.tracks`)."""

    @property
    def name(self) -> str:
        """Of the song; the key in reports."""

    @property
    def split(self) -> str:
        """`train`, `valid` or `test`."""

    @property
    def sample_rate(self) -> int:
        """Rate of its files in Hz."""

    def load(self, stems: Iterable[str]) -> dict[str, Array]:
        """Returns source -> float32 `(samples, channels)`, as in the files."""

    def load_resampled(
        self, sources: Iterable[str], *, sample_rate: int, n_channels: int = 1
    ) -> dict[str, Array]:
        """Returns source -> float32 `(samples, n_channels)` at another rate."""


class Estimator(Protocol):
    """Where estimates come from: a model or a folder."""

    def describe(self) -> dict[str, Any]:
        """Returns what a report says about the method."""

    def inputs(self, track: str, sources: tuple[str, ...]) -> dict[str, list[int]]:
        """Returns a fingerprint of each file that is scored."""

    def stems(
        self,
        track: str,
        references: dict[str, Array],
        mixture: Array,
        form: Form,
        sample_rate: int,
    ) -> Stems:
        """Returns the estimates of one track, in the form of the references."""


class TrackScorer:
    """Scores tracks one by one; shared by the threads."""

    def __init__(
        self, setting: Setting, estimator: Estimator | None, report: Report
    ) -> None:
        self.setting, self.estimator, self.report = setting, estimator, report
        self.stopped = threading.Event()

    def is_done(self, track: Track) -> bool:
        """Tells whether the report holds this track as it is."""
        old = self.report.tracks.get(track.name)
        wanted = {"mixture", *self._own_rows()}
        return (
            old is not None
            and wanted <= set(old.scores)
            and old.inputs == self._inputs(track, quiet=True)
        )

    def _own_rows(self) -> list[str]:
        rows = ["estimates"] if self.estimator else []
        return [*rows, *(["oracle"] if self.setting.oracle or not rows else [])]

    def _inputs(self, track: Track, *, quiet: bool) -> dict[str, list[int]]:
        if self.estimator is None:
            return {}
        try:
            return self.estimator.inputs(track.name, self.setting.sources)
        except MunetError:
            if quiet:
                return {}
            raise

    def score(self, track: Track) -> TrackReport:
        """Loads, estimates and scores one track."""
        if self.stopped.is_set():
            raise MunetError("stopped")
        references, rate = self._load(track)
        inputs = self._inputs(track, quiet=False)
        mixture = references.pop("mixture")
        sets, notes = self._sets(track, references, mixture, rate)
        return self._report(track, references, mixture, sets, rate, inputs, notes)

    def _load(self, track: Track) -> tuple[dict[str, Array], int]:
        """Returns sources and mixture in the protocol's form, and their rate."""
        names = (*self.setting.sources, "mixture")
        form = self.setting.form
        if form.mono and form.sample_rate:
            rate = form.sample_rate
            return track.load_resampled(names, sample_rate=rate), rate
        return track.load(names), track.sample_rate

    def _sets(
        self, track: Track, references: dict[str, Array], mixture: Array, rate: int
    ) -> tuple[dict[str, Array], list[str]]:
        """Returns row -> `(K, samples, channels)`."""
        sets: dict[str, Array] = {}
        notes: list[str] = []
        if self.estimator:
            stems = self.estimator.stems(
                track.name, references, mixture, self.setting.form, rate
            )
            sets["estimates"], notes = stems.audio, stems.notes
        if "oracle" in self._own_rows():
            n_fft, hop_length = _grid(self.setting, rate)
            sets["oracle"] = ideal_estimates(
                np.stack(list(references.values())),
                mixture,
                n_fft=n_fft,
                hop_length=hop_length,
            )
        sets["mixture"] = np.broadcast_to(mixture, (len(references), *mixture.shape))
        return sets, notes

    def _report(
        self,
        track: Track,
        references: dict[str, Array],
        mixture: Array,
        sets: dict[str, Array],
        rate: int,
        inputs: dict[str, list[int]],
        notes: list[str],
    ) -> TrackReport:
        stacked = np.stack(list(references.values()))
        scored = list(sets.values())
        if self.setting.has_rest:
            stacked = _with_rest(stacked, mixture)
            scored = [_with_rest(signals, mixture) for signals in scored]
        for signal in stacked:
            if is_silent(signal):
                signal[:] = 0
        rows, singular = score(
            PROTOCOLS[self.setting.protocol],
            stacked,
            scored,
            sample_rate=rate,
            backend=self.setting.backend,
        )
        if singular:
            notes = [*notes, "the references are linearly dependent"]
        return TrackReport(
            scores={
                row: self._values(values)
                for row, values in zip(sets, rows, strict=True)
            },
            split=track.split,
            seconds=round(len(mixture) / rate, 3),
            sample_rate=rate,
            inputs=inputs,
            silent=self._silent(references, sets),
            singular=singular,
            notes=notes,
        )

    def _values(self, scores: dict[str, Array]) -> dict[str, dict[str, float | None]]:
        """Metric -> `(K,)` becomes source -> metric -> dB or None."""
        return {
            source: {metric: _figure(values[i]) for metric, values in scores.items()}
            for i, source in enumerate(self.setting.sources)
        }

    def _silent(
        self, references: dict[str, Array], sets: dict[str, Array]
    ) -> dict[str, list[str]]:
        silent = {"references": [s for s, x in references.items() if is_silent(x)]}
        if "estimates" in sets:
            named = zip(references, sets["estimates"], strict=True)
            silent["estimates"] = [source for source, x in named if not x.any()]
        return {kind: sources for kind, sources in silent.items() if sources}


def _figure(value: float) -> float | None:
    return float(value) if np.isfinite(value) and value < PERFECT_DB else None


def is_silent(reference: Array) -> bool:
    """Tells whether a reference holds less than a 16 bit file can."""
    power = np.mean(np.square(reference, dtype=np.float64))
    return bool(power < SILENCE_RMS**2)


def _with_rest(signals: Array, mixture: Array) -> Array:
    return np.concatenate([signals, (mixture - signals.sum(axis=0))[None]])


def _grid(setting: Setting, sample_rate: int) -> tuple[int, int]:
    """Returns `n_fft` and hop of the masks that the oracle may choose."""
    if sample_rate == setting.stft.sample_rate:
        return setting.stft.n_fft, setting.stft.hop_length
    grid = carrier_grid(sample_rate, setting.stft)
    return grid.n_fft, grid.hop_length
