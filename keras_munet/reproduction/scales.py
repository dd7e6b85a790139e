"""How large a reproduction is: the paper's recipe, a day of CPU, or a minute."""

import dataclasses
from dataclasses import dataclass

from keras_munet.config import FitConfig, ModelConfig, STFTConfig, UNetConfig
from keras_munet.presets import preset
from keras_munet.reproduction.experiments import Row


@dataclass(frozen=True)
class Scale:
    """Size of data and networks.

    Attributes:
        name: as on the command line.
        text: what it is, for the report.
        n_tracks: generated training songs; 0 where real data are needed.
        n_test_tracks: generated test songs.
        seconds: of each song.
        fit: settings of every run, but for what the row says.
    """

    name: str
    text: str
    n_tracks: int = 0
    n_test_tracks: int = 0
    seconds: float = 0.0
    fit: FitConfig | None = None

    def config(self, row: Row, seed: int) -> FitConfig:
        """Returns the settings of one run; its sources are all of the row's."""
        base = self.fit or _as_the_authors(row)
        # A dedicated network's sources are set when it is trained, one by one.
        architecture = row.architecture if row.architecture == "cunet" else "munet"
        model = dataclasses.replace(
            base.model,
            sources=row.sources,
            unet=dataclasses.replace(base.model.unet, architecture=architecture),
        )
        return dataclasses.replace(
            base,
            model=model,
            weighting=row.weighting,
            loss=row.loss,
            keep_silent=row.keep_silent,
            seed=seed,
        )


def _as_the_authors(row: Row) -> FitConfig:
    """Returns the paper's recipe for a row, on the frequency axis of the authors."""
    config = preset(f"paper-{len(row.sources)}src", weighting=row.weighting)
    stft = dataclasses.replace(config.model.stft, warp="paper")
    return dataclasses.replace(
        config, model=dataclasses.replace(config.model, stft=stft)
    )


def _fit(n_frames: int, width: int, depth: int, epochs: int) -> FitConfig:
    # With dropout, or with four sources on four filters, quiet sources are left out.
    unet = UNetConfig(width=width, depth=depth, dropout=0.0, output_bias=0.5)
    model = ModelConfig(stft=STFTConfig(n_frames=n_frames), unet=unet)
    return FitConfig(
        model=model,
        optimizer="adam",
        learning_rate=1e-3,
        clip_norm=5.0,
        batch_size=4,
        epochs=epochs,
        stop_patience=epochs,
    )


SCALES = {
    scale.name: scale
    for scale in (
        Scale(
            "paper",
            "The paper's recipe: width 32 (124 M parameters), SGD, batches of 16, up "
            "to 500 epochs, on MUSDB18. A GPU is needed.",
        ),
        Scale(
            "small",
            "Generated songs instead of MUSDB18, networks of width 8 and depth 5 on "
            "chunks of 1.5 s, no dropout, Adam at 1e-3 (EBW_P2 with two sources, too: "
            "Adam takes no notice of the size of weights), 12 epochs: what two CPU "
            "cores can do in hours. It "
            "shows how the methods compare on this music at this size, and cannot "
            "confirm or refute numbers measured on MUSDB18.",
            n_tracks=24,
            n_test_tracks=12,
            seconds=30.0,
            fit=_fit(n_frames=64, width=8, depth=5, epochs=12),
        ),
        Scale(
            "smoke",
            "One epoch of a tiny network on a few seconds of generated songs: shows "
            "that every step runs, and nothing else.",
            n_tracks=4,
            n_test_tracks=2,
            seconds=6.0,
            fit=_fit(n_frames=64, width=4, depth=3, epochs=1),
        ),
    )
}
