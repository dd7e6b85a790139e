"""The same audio through Keras and through an artefact: how far are they apart?"""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_munet.artefact.card import weights_sha256
from keras_munet.config import ModelConfig
from keras_munet.dsp import FloatArray
from keras_munet.errors import ExportError
from keras_munet.export.opened import Artefact, Estimates, open_artefact
from keras_munet.export.signals import cut, edge_signals, music_sources
from keras_munet.export.trained import Trained

N_TIMED = 5

NOISE_FLOOR_DB = -96.0
"""Differences below the noise of a 16 bit file break no promise, however quiet the
source itself is."""


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """What an artefact promises; None where it promises nothing.

    Attributes:
        max_abs_error: of any sample, full scale being one.
        snr_db: of the artefact's estimates of music, Keras' being the signal.
        sdr_change_db: against the true sources, either way.
    """

    max_abs_error: float | None = None
    snr_db: float | None = None
    sdr_change_db: float | None = None


TOLERANCES = {
    "saved_model": Tolerance(max_abs_error=1e-5),
    "float32": Tolerance(max_abs_error=1e-4, snr_db=80),
    "float16": Tolerance(snr_db=50, sdr_change_db=0.05),
    "int8": Tolerance(snr_db=25, sdr_change_db=0.3),
}


@dataclasses.dataclass(frozen=True)
class Parity:
    """How one source of an artefact compares with Keras.

    Attributes:
        source: its name.
        max_abs_error: over music, silence, impulses and full-scale noise.
        snr_db: over the music; infinite where both are equal.
        noise_db: level of the difference over the music, full scale being 0 dB.
        sdr_change_db: SDR of the artefact minus SDR of Keras against the true
            source; None where the test music has no such source.
    """

    source: str
    max_abs_error: float
    snr_db: float
    noise_db: float
    sdr_change_db: float | None

    def failures(self, tolerance: Tolerance) -> list[str]:
        """Returns one sentence per promise that is broken."""
        found = []
        limit = tolerance.max_abs_error
        if limit is not None and not self.max_abs_error <= limit:
            found.append(f"max abs error {self.max_abs_error:.2e} > {limit:.0e}")
        limit = tolerance.snr_db
        heard = not self.noise_db <= NOISE_FLOOR_DB
        if limit is not None and heard and not self.snr_db >= limit:
            found.append(f"SNR {self.snr_db:.1f} dB < {limit:g} dB")
        limit, change = tolerance.sdr_change_db, self.sdr_change_db
        if limit is not None and change is not None and not abs(change) <= limit:
            found.append(f"SDR change {change:+.3f} dB, more than {limit:g} dB")
        return [f"{self.source}: {text}" for text in found]


@dataclasses.dataclass(frozen=True)
class Report:
    """The result of `verify`.

    Attributes:
        kind: as of `Artefact.kind`.
        parities: one per source.
        tolerance: what was promised.
        window_s: length of a window, in seconds.
        seconds: what the artefact needs for one window here, in seconds (median).
    """

    kind: str
    parities: list[Parity]
    tolerance: Tolerance
    window_s: float
    seconds: float

    @property
    def failures(self) -> list[str]:
        """One sentence per broken promise; empty when all is well."""
        return [f for p in self.parities for f in p.failures(self.tolerance)]

    @property
    def real_time_factor(self) -> float:
        """Seconds of computing per second of audio; below one is faster than it."""
        return self.seconds / self.window_s

    def to_dict(self) -> dict[str, Any]:
        """Returns everything as JSON-ready values; an infinite SNR becomes None."""
        values = dataclasses.asdict(self)
        for parity in values["parities"]:
            if not np.isfinite(parity["snr_db"]):
                parity["snr_db"] = None
        values["real_time_factor"] = self.real_time_factor
        values["failures"] = self.failures
        return values


def verify(
    path: str | Path,
    trained: Trained,
    *,
    audio: FloatArray | None = None,
    tolerance: Tolerance | None = None,
    threads: int | None = None,
) -> Report:
    """Compares an artefact with the network that it was made from.

    Args:
        path: a `.tflite` or a SavedModel folder.
        trained: the network.
        audio: mono at the model's rate, `(samples,)`; generated music with known
            sources by default.
        tolerance: that of the kind of artefact by default.
        threads: of LiteRT.

    Raises:
        ExportError: when the artefact was made from other weights or settings.
        ModelError: when it is no artefact of ours.
    """
    artefact = open_artefact(path, threads=threads)
    _check_same(artefact, trained)
    keras_run = _keras(trained, artefact.config)
    truth = {} if audio is not None else music_sources(artefact.config)
    music = audio if audio is not None else truth.pop("mixture")
    errors = {source: 0.0 for source in artefact.config.sources}
    music_estimates: list[Estimates] = []
    for signal in (music, *edge_signals(artefact.config)):
        windows = cut(signal, artefact.config.stft.chunk_length)
        reference, estimate = keras_run(windows), artefact.separate(windows)
        for source in errors:
            difference = np.abs(estimate[source] - reference[source]).max()
            # NaN must not pass as the smaller of two numbers.
            errors[source] = float(np.maximum(errors[source], difference))
        if signal is music:
            music_estimates = [reference, estimate]
    parities = [
        Parity(
            source,
            errors[source],
            snr_db(music_estimates[0][source], music_estimates[1][source]),
            _noise_db(music_estimates[0][source], music_estimates[1][source]),
            _sdr_change(truth.get(source), *(e[source] for e in music_estimates)),
        )
        for source in errors
    ]
    return Report(
        artefact.kind,
        parities,
        tolerance or TOLERANCES[artefact.kind],
        artefact.card["window_s"],
        _seconds(artefact),
    )


def snr_db(reference: FloatArray, estimate: FloatArray) -> float:
    """Returns the signal-to-noise ratio; infinite for equal arrays, also silent."""
    noise = float(np.sum((reference.astype(float) - estimate) ** 2))
    signal = float(np.sum(reference.astype(float) ** 2))
    if noise == 0:
        return float("inf")
    return float(10 * np.log10(max(signal, 1e-20) / noise))


def _noise_db(reference: FloatArray, estimate: FloatArray) -> float:
    power = float(np.mean((reference.astype(float) - estimate) ** 2))
    return float(10 * np.log10(np.maximum(power, 1e-30)))


def _sdr_change(
    truth: FloatArray | None, reference: FloatArray, estimate: FloatArray
) -> float | None:
    if truth is None:
        return None
    n = len(truth)
    return snr_db(truth, estimate.ravel()[:n]) - snr_db(truth, reference.ravel()[:n])


def _keras(trained: Trained, config: ModelConfig) -> Callable[[FloatArray], Estimates]:
    """Returns Keras' own separation of windows, in the artefact's window length."""
    from keras_munet.models import separator_model

    model = separator_model(trained.network, config)

    def separate(windows: FloatArray) -> Estimates:
        rows = [model(window[None], training=False) for window in windows]
        return {
            source: np.concatenate([np.asarray(row[source]) for row in rows])
            for source in config.sources
        }

    return separate


def _check_same(artefact: Artefact, trained: Trained) -> None:
    config = artefact.config
    if (config.sources, config.unet) != (trained.config.sources, trained.config.unet):
        raise ExportError(
            f"{artefact.path} is another model than {trained.path}: sources "
            f"{', '.join(config.sources)} and {', '.join(trained.config.sources)}, "
            f"width {config.unet.width} and {trained.config.unet.width}."
        )
    if artefact.card["weights_sha256"] != weights_sha256(trained.network):
        raise ExportError(
            f"{artefact.path} was made from other weights than {trained.path} has. "
            "Export it again."
        )


def _seconds(artefact: Artefact) -> float:
    window = np.zeros((1, artefact.config.stft.chunk_length), np.float32)
    times = []
    for _ in range(N_TIMED):
        start = time.perf_counter()
        artefact.separate(window)
        times.append(time.perf_counter() - start)
    return float(np.median(times))
