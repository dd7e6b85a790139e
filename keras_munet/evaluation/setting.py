"""How tracks are scored: all choices of one evaluation."""

from dataclasses import dataclass, field
from typing import Any

from keras_munet.config import (
    FOUR_SOURCES,
    TWO_SOURCES,
    STFTConfig,
    _choice,
)
from keras_munet.evaluation.alignment import Form
from keras_munet.evaluation.protocols import BACKENDS, PROTOCOLS

REST = "rest"
"""Further reference where the sources are only a part of the mixture."""


@dataclass(frozen=True)
class Setting:
    """How tracks are scored.

    Attributes:
        sources: what is scored, in order.
        protocol: `paper`, `full-band` or `museval`.
        split: of the tracks, for the record: reports of one split stay of one split.
        backend: `fast` or `mir_eval`.
        oracle: score the ideal amplitude masks, too.
        stft: the model's front end: rate of the paper protocol, grid of the oracle.
    """

    sources: tuple[str, ...] = TWO_SOURCES
    protocol: str = "paper"
    split: str = "test"
    backend: str = "fast"
    oracle: bool = False
    stft: STFTConfig = field(default_factory=STFTConfig)

    def __post_init__(self) -> None:
        _choice("protocol", self.protocol, tuple(PROTOCOLS))
        _choice("backend", self.backend, BACKENDS)

    @property
    def form(self) -> Form:
        """The form in which this protocol hears audio."""
        mono = PROTOCOLS[self.protocol].mono
        return Form(self.stft.sample_rate if mono else None, mono)

    @property
    def has_rest(self) -> bool:
        """Whether the sources leave a part of the mixture over."""
        return set(self.sources) not in (set(FOUR_SOURCES), set(TWO_SOURCES))

    def header(self, method: dict[str, Any]) -> dict[str, Any]:
        """Returns what must be equal within a report."""
        protocol = PROTOCOLS[self.protocol]
        grid = {name: getattr(self.stft, name) for name in ("n_fft", "hop_length")}
        return {
            "protocol": protocol.name,
            "protocol_text": protocol.text,
            "metrics": list(protocol.metrics),
            "split": self.split,
            "sources": list(self.sources),
            "references": [*self.sources, *([REST] if self.has_rest else [])],
            "sample_rate": self.form.sample_rate,
            "backend": "museval" if protocol.name == "museval" else self.backend,
            "oracle": {"sample_rate": self.stft.sample_rate, **grid},
            "method": method,
        }
