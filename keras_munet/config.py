"""Every setting of the package: frozen dataclasses that check themselves."""

import math
from dataclasses import dataclass, field

from keras_munet.json_config import Config

TWO_SOURCES = ("vocals", "accompaniment")
FOUR_SOURCES = ("vocals", "drums", "bass", "other")
ARCHITECTURES = ("munet", "dedicated", "cunet")
WEIGHTINGS = ("unit", "dwa", "ebw-p1", "ebw-inst-p1", "ebw-p2", "oh")
AUTO = "auto"
ENERGIES = ("waveform", "warped")
ENERGY_WEIGHTINGS = ("ebw-p1", "ebw-p2", "oh")
"""Those that use the energies of the training set."""
LOSSES = ("indirect", "direct", "energy")
WARPS = ("aligned", "paper")
AUGMENTATIONS = (
    *("gain", "polarity", "silence", "channels"),
    *("remix", "remix-most", "shift", "speed", "equalizer"),
)
OPTIMIZERS = ("sgd", "adam")
SCHEDULES = ("plateau", "cosine")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
FLOOR_DB = -96.0
"""What 16 bit can hold below full scale: the floor of our own presets."""

OVERLAP = 0.25
"""Share of a network's window that the next one covers again, unless told otherwise,
in `separate` and in exported graphs: frames near a window's ends see less music
around them. See docs/separate.md."""

ENSEMBLE_NAME = "ensemble.json"
"""File in a folder of run folders: `{"models": {source: run folder}}`."""


def _choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(
            f"`{name}` must be one of {', '.join(allowed)}. Received: {name}={value!r}"
        )


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"`{name}` must be positive. Received: {name}={value}")


def _within(low: float, high: float, **values: float) -> None:
    """Refuses values outside of [low, high)."""
    for name, value in values.items():
        if not low <= value < high:
            allowed = f"lie in [{low:g}, {high:g})"
            if high == math.inf:
                allowed = "not be negative" if low == 0 else f"be at least {low:g}"
            raise ValueError(f"`{name}` must {allowed}. Received: {name}={value}")


def _source_names(sources: tuple[str, ...]) -> None:
    if not sources or len(set(sources)) != len(sources):
        raise ValueError(
            "`sources` must be different names, at least one. "
            f"Received: sources={sources}"
        )
    for name in sources:
        if not name.isidentifier():
            raise ValueError(
                "`sources` must be names of letters, digits and underscores. "
                f"Received: {name!r}"
            )
        if name in ("mixture", "masks", "waveform"):
            raise ValueError(f"`sources` cannot contain the reserved name {name!r}")


@dataclass(frozen=True)
class STFTConfig(Config):
    """The time-frequency front end (paper, section IV-A).

    Attributes:
        sample_rate: rate that the model hears, in Hz.
        n_fft: window and DFT length, in samples (Hann, periodic).
        hop_length: samples from one frame to the next.
        n_frames: frames of one chunk; a chunk has `(n_frames - 1) * hop_length`
            samples.
        n_rows: rows of the log-frequency axis that the network sees.
        warp: `aligned` (end points on end bins) or `paper` (the authors' resampling).
    """

    sample_rate: int = 10880
    n_fft: int = 1022
    hop_length: int = 256
    n_frames: int = 256
    n_rows: int = 256
    warp: str = "aligned"

    def __post_init__(self) -> None:
        super().__post_init__()
        _positive(
            sample_rate=self.sample_rate,
            n_fft=self.n_fft,
            hop_length=self.hop_length,
            n_frames=self.n_frames,
            n_rows=self.n_rows,
        )
        _choice("warp", self.warp, WARPS)
        if self.n_fft % 2:
            raise ValueError(f"`n_fft` must be even. Received: n_fft={self.n_fft}")
        if self.n_fft < 2 * self.hop_length - 2:
            raise ValueError(
                "Frames must overlap by about half or more: `n_fft` >= 2 * "
                f"`hop_length` - 2. Received: n_fft={self.n_fft}, "
                f"hop_length={self.hop_length}"
            )

    @property
    def n_bins(self) -> int:
        """Bins of the linear frequency axis."""
        return self.n_fft // 2 + 1

    @property
    def full_scale(self) -> float:
        """Magnitude of a full-scale sine in its bin: half the sum of the window."""
        return self.n_fft / 4

    @property
    def chunk_length(self) -> int:
        """Samples of one chunk."""
        return (self.n_frames - 1) * self.hop_length


@dataclass(frozen=True)
class UNetConfig(Config):
    """The network (paper, section IV-B; sizes as in the authors' code).

    Attributes:
        architecture: `munet` (one channel per source), `dedicated` (one source) or
            `cunet` (one channel, chosen by a condition).
        width: filters of the first level; each level below doubles them.
        depth: number of poolings. Rows and frames must be multiples of `2**depth`.
        dropout: share of feature maps dropped in training.
        output_bias: start value of the last bias; positive keeps ReLU masks alive.
    """

    architecture: str = "munet"
    width: int = 32
    depth: int = 6
    dropout: float = 0.1
    output_bias: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _choice("architecture", self.architecture, ARCHITECTURES)
        _positive(width=self.width, depth=self.depth)
        _within(0, 1, dropout=self.dropout)


@dataclass(frozen=True)
class ModelConfig(Config):
    """All that a model file must know about itself.

    Attributes:
        sources: names of the outputs, in order.
        stft: the front end.
        unet: the network.
        relative_level: the network hears each chunk relative to the chunk's mean
            magnitude, so that its masks do not depend on the volume.
        floor_db: the network hears nothing below this level, so that empty bins
            sound the same to every runtime; 0 dB is a sine of full scale or, with
            `relative_level`, the chunk's mean magnitude. None is the authors' floor
            of 2.2e-16, where rounding decides what an empty bin sounds like.
    """

    sources: tuple[str, ...] = TWO_SOURCES
    stft: STFTConfig = field(default_factory=STFTConfig)
    unet: UNetConfig = field(default_factory=UNetConfig)
    relative_level: bool = False
    floor_db: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _source_names(self.sources)
        if self.floor_db is not None and not self.floor_db < 0:
            raise ValueError(
                f"`floor_db` must be negative, such as {FLOOR_DB:g}, or None. "
                f"Received: floor_db={self.floor_db}"
            )
        step = 2**self.unet.depth
        for name, value in (
            ("n_rows", self.stft.n_rows),
            ("n_frames", self.stft.n_frames),
        ):
            if value % step:
                raise ValueError(
                    f"`{name}` must be a multiple of 2**depth = {step}, or the U-Net "
                    f"cannot halve it {self.unet.depth} times. "
                    f"Received: {name}={value}"
                )
        if self.unet.architecture == "dedicated" and len(self.sources) != 1:
            raise ValueError(
                f"A dedicated network has one source. Received: sources={self.sources}"
            )

    @property
    def n_losses(self) -> int:
        """Losses that training weights: one per source, and one for a C-U-Net."""
        return 1 if self.unet.architecture == "cunet" else len(self.sources)

    @property
    def n_passes(self) -> int:
        """Passes over the data in an epoch; a C-U-Net has one per condition, K + 2."""
        return len(self.sources) + 2 if self.unet.architecture == "cunet" else 1


@dataclass(frozen=True)
class DataConfig(Config):
    """How `prepare` cuts tracks into chunks.

    Attributes:
        sources: the K sources of each example; the mixture is stored beside them.
        stft: rate and chunk length come from here.
        silence_energy: a chunk with a source of less energy (`dsp.energy`) counts as
            silent (the authors' value is 1, a level of about -48 dB).
        validation_share: share of training tracks held out where the data set has
            no validation list of its own.
        seed: seed of that choice.
        stem_names: pairs (source, file stem), for folders with other file names.
        n_channels: 1 stores the down-mix; 2 keeps left and right, which the
            augmentation `channels` needs.
    """

    sources: tuple[str, ...] = TWO_SOURCES
    stft: STFTConfig = field(default_factory=STFTConfig)
    silence_energy: float = 1.0
    validation_share: float = 0.05
    seed: int = 0
    stem_names: tuple[tuple[str, str], ...] = ()
    n_channels: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        _source_names(self.sources)
        if self.n_channels not in (1, 2):
            raise ValueError(
                f"`n_channels` must be 1 or 2. Received: n_channels={self.n_channels}"
            )
        _within(0, 1, validation_share=self.validation_share)
        _within(0, math.inf, silence_energy=self.silence_energy, seed=self.seed)


@dataclass(frozen=True)
class FitConfig(Config):
    """One training run (paper, section IV-B; values as in the authors' code).

    Attributes:
        model: what is trained.
        weighting: how the per-source losses are weighted (paper, eqs. 5 to 10).
            `auto` becomes `ebw-p1`, or `unit` where there is one loss only.
        energies: what E_i of `ebw-p1`, `ebw-p2` and `oh` are measured on: `waveform`
            (paper) or `warped`, the log-frequency axis where the loss lives.
        loss: `indirect` (eq. 4), `direct` (eq. 3) or `energy` (squared, ours).
        normalize: rescale any weights to the sum K.
        optimizer: `sgd` (momentum 0.9) or `adam`.
        learning_rate: highest value.
        schedule: `plateau` multiplies the rate by `plateau_factor` on a plateau of
            the validation sum; `cosine` raises it over the first 2 % of all steps and
            lets it fall to zero until the last of `epochs`, or the end of `minutes`.
        momentum: of SGD.
        clip_norm: bound of the global gradient norm; 0 switches clipping off.
        batch_size: chunks per step.
        epochs: upper bound; early stopping may end a run before.
        minutes: time after which the run ends with the step that it is in, however
            often it was stopped; validation and saving come on top. 0: no bound.
        plateau_patience: epochs without progress before the rate is reduced.
        plateau_factor: what the rate is multiplied with then.
        plateau_threshold: relative progress that counts.
        stop_patience: epochs without progress before training stops.
        keep_silent: train on chunks with a silent source, too.
        augment: names of augmentations, in any order.
        precision: Keras dtype policy.
        jit: compile the training step with XLA; needs `deterministic` False.
        deterministic: deterministic operators (needed for bit-identical reruns).
        seed: seeds initial weights, dropout, order and augmentation.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    weighting: str = AUTO
    energies: str = "waveform"
    loss: str = "indirect"
    normalize: bool = False
    optimizer: str = "sgd"
    learning_rate: float = 0.01
    schedule: str = "plateau"
    momentum: float = 0.9
    clip_norm: float = 0.0
    batch_size: int = 16
    epochs: int = 500
    minutes: float = 0.0
    plateau_patience: int = 7
    plateau_factor: float = 0.1
    plateau_threshold: float = 3e-4
    stop_patience: int = 60
    keep_silent: bool = False
    augment: tuple[str, ...] = ()
    precision: str = "float32"
    jit: bool = False
    deterministic: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weighting == AUTO:
            one = self.model.n_losses == 1
            object.__setattr__(self, "weighting", "unit" if one else "ebw-p1")
        _choice("weighting", self.weighting, WEIGHTINGS)
        if self.weighting != "unit" and self.model.n_losses == 1:
            raise ValueError(
                "`weighting` must be unit for a C-U-Net and for a network of one "
                "source: one loss has nothing to be weighted against. "
                f"Received: weighting={self.weighting!r}"
            )
        _choice("energies", self.energies, ENERGIES)
        if self.energies != "waveform" and self.weighting not in ENERGY_WEIGHTINGS:
            users = ", ".join(ENERGY_WEIGHTINGS)
            raise ValueError(
                f"`energies` of the training set are used by {users} only. "
                f"Received: energies={self.energies!r}, weighting={self.weighting!r}"
            )
        _choice("loss", self.loss, LOSSES)
        _choice("optimizer", self.optimizer, OPTIMIZERS)
        _choice("schedule", self.schedule, SCHEDULES)
        _choice("precision", self.precision, PRECISIONS)
        for name in self.augment:
            _choice("augment", name, AUGMENTATIONS)
        if len(set(self.augment)) != len(self.augment):
            raise ValueError(
                "`augment` must name each augmentation once. "
                f"Received: augment={self.augment}"
            )
        _positive(
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            epochs=self.epochs,
            plateau_patience=self.plateau_patience,
            stop_patience=self.stop_patience,
        )
        if not 0 < self.plateau_factor < 1:
            raise ValueError(
                "`plateau_factor` must lie in (0, 1). "
                f"Received: plateau_factor={self.plateau_factor}"
            )
        _within(0, 1, momentum=self.momentum)
        _within(0, 1, plateau_threshold=self.plateau_threshold)
        _within(
            0,
            math.inf,
            clip_norm=self.clip_norm,
            minutes=self.minutes,
            seed=self.seed,
        )
        if self.jit and self.deterministic:
            raise ValueError(
                "XLA has no deterministic operators: `jit` needs `deterministic` to "
                f"be False. Received: jit={self.jit}, "
                f"deterministic={self.deterministic}"
            )
