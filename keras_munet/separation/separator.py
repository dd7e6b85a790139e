"""`Separator`: a model and the choice of stems, ready for arrays, streams and files."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import numpy as np

from keras_munet.config import OVERLAP, ModelConfig
from keras_munet.dsp import FloatArray
from keras_munet.separation.files import FileResult, Output, Progress, separate_file
from keras_munet.separation.masks import window_step
from keras_munet.separation.recipe import Recipe, complete, make_recipe
from keras_munet.separation.runtime import Runtime, open_runtime
from keras_munet.separation.stream import BANDS, Piece, SeparationStream
from keras_munet.weights import DEFAULT
from keras_munet.workers import n_cores


class StemStream:
    """A separation that is going on; made by `Separator.open_stream`.

    The live contract: push blocks of any size, get exactly the samples that are
    final by then, flush at the end. All results joined are independent of the block
    sizes.
    """

    def __init__(self, stream: SeparationStream) -> None:
        self._stream = stream
        self.sample_rate = stream.sample_rate
        self.n_channels = stream.n_channels

    def push(self, block: FloatArray) -> dict[str, FloatArray]:
        """Takes `(samples, channels)`; returns stems `(final samples, channels)`.

        Raises:
            ValueError: on another shape, integers, or samples that are not finite.
        """
        return self._stems(self._stream.push(_checked(block)))

    def flush(self) -> dict[str, FloatArray]:
        """Returns the rest; nothing may be pushed after it."""
        return self._stems(self._stream.flush())

    def _stems(self, piece: Piece) -> dict[str, FloatArray]:
        recipe = self._stream.recipe
        stems = zip(recipe.names, complete(recipe, *piece), strict=True)
        return {name: stem for name, stem in stems if name in recipe.wanted}


class Separator:
    """Separates music with one model.

    By default stems have the song's rate, channels and number of samples and sum to
    the song.

    Args:
        runtime: the network, see `open_runtime`.
        stems: a choice of the model's sources; all by default.
        two_stems: a source, to give it and the mixture without it.
        masks: `sum` (normalised, stems sum to the mixture) or `raw` (the paper's).
        band: `full` (the song's rate and channels) or `model` (mono, at the model's
            rate, as in the paper).
        overlap: share of the network's windows that is computed twice, in [0, 1).
        batch: windows per call of the network.
        threads: threads of the FFT.

    Raises:
        ModelError: when a source is wanted that the model does not have.
        ValueError: on a value out of its range.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        stems: Iterable[str] = (),
        two_stems: str | None = None,
        masks: str = "sum",
        band: str = "full",
        overlap: float = OVERLAP,
        batch: int = 1,
        threads: int = 1,
    ) -> None:
        config = runtime.config
        if band not in BANDS:
            raise ValueError(
                f"`band` must be 'full' or 'model'. Received: band={band!r}"
            )
        window_step(config.stft, overlap)
        self.runtime = runtime
        self.recipe: Recipe = make_recipe(
            config.sources, stems=tuple(stems), two_stems=two_stems, masks=masks
        )
        self.band, self.overlap = band, overlap
        self.batch, self.threads = batch, threads

    @classmethod
    def load(
        cls,
        path: str | Path = DEFAULT,
        *,
        stems: Iterable[str] = (),
        two_stems: str | None = None,
        masks: str = "sum",
        band: str = "full",
        overlap: float = OVERLAP,
        batch: int = 1,
        threads: int | None = None,
        device: str | None = None,
    ) -> Self:
        """Opens a shipped model, or one of yours.

        Args:
            path: of a run folder, a `.keras`, a SavedModel folder or a `.tflite`; or
                the name of a shipped model (`vocals`, `4stems`; see `model_path`).
            stems: see the class, as all that follow up to `batch`.
            two_stems: see the class.
            masks: see the class.
            band: see the class.
            overlap: see the class.
            batch: see the class.
            threads: of network and FFT; all cores by default.
            device: `cpu`, `gpu`, `gpu:1`, ...; the runtime's choice by default.

        Raises:
            ModelError: when there is no model, or it is damaged or of another kind.
        """
        runtime = open_runtime(path, threads=threads, device=device)
        return cls(
            runtime,
            stems=stems,
            two_stems=two_stems,
            masks=masks,
            band=band,
            overlap=overlap,
            batch=batch,
            threads=threads or n_cores(),
        )

    @property
    def config(self) -> ModelConfig:
        """The model's sources and front end."""
        return self.runtime.config

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of what comes out, in order."""
        return self.recipe.wanted

    def start(self, sample_rate: int, n_channels: int) -> SeparationStream:
        """Starts the separation of one signal, with the mixture beside the stems."""
        return SeparationStream(
            self.runtime,
            self.recipe,
            sample_rate,
            n_channels,
            band=self.band,
            overlap=self.overlap,
            batch=self.batch,
            threads=self.threads,
        )

    def open_stream(self, sample_rate: int, n_channels: int) -> StemStream:
        """Starts the separation of a signal that arrives in blocks (`push`, `flush`).

        Args:
            sample_rate: of the signal, in Hz.
            n_channels: of the signal.
        """
        return StemStream(self.start(sample_rate, n_channels))

    def stream(
        self, blocks: Iterable[FloatArray], sample_rate: int
    ) -> Iterator[dict[str, FloatArray]]:
        """Separates blocks as they come; yields stems as they become final.

        Args:
            blocks: float, each `(samples, channels)`, of any sizes.
            sample_rate: in Hz.

        Yields:
            stem -> `(samples, channels)`; never empty.
        """
        stream: StemStream | None = None
        for block in blocks:
            stream = stream or self.open_stream(sample_rate, _checked(block).shape[1])
            stems = stream.push(block)
            if len(next(iter(stems.values()))):
                yield stems
        if stream is not None:
            stems = stream.flush()
            if len(next(iter(stems.values()))):
                yield stems

    def separate(self, audio: FloatArray, sample_rate: int) -> dict[str, FloatArray]:
        """Separates a signal in memory.

        Args:
            audio: float, `(samples, channels)`.
            sample_rate: in Hz.

        Returns:
            stem -> float32 `(samples, channels)`.

        Raises:
            ValueError: on another shape, integers, or samples that are not finite.
        """
        stream = self.open_stream(sample_rate, _checked(audio).shape[1])
        parts = [stream.push(audio), stream.flush()]
        return {
            name: np.concatenate([part[name] for part in parts]) for name in parts[0]
        }

    def separate_file(
        self,
        path: str | Path,
        folder: str | Path,
        *,
        output: Output | None = None,
        start_s: float = 0.0,
        duration_s: float | None = None,
        track: int | None = None,
        progress: Progress | None = None,
    ) -> FileResult:
        """Separates a file into files, in constant memory.

        Args:
            path: audio of any format, or a film with an audio track.
            folder: where the stems go.
            output: format and names of the files.
            start_s: where to begin, in seconds.
            duration_s: how much to separate, in seconds; to the end by default.
            track: number of the audio track, from 1; by default the one that the file
                marks, then the one with most channels, then the first.
            progress: called with (seconds done, seconds in all or 0).

        Returns:
            What was written, and the warnings.

        Raises:
            AudioError: when the file cannot be read, or a stem not be written. Then
                no stem is there under its final name.
        """
        return separate_file(
            self.start,
            Path(path),
            Path(folder),
            output=output or Output(),
            start_s=start_s,
            duration_s=duration_s,
            track=track,
            progress=progress,
        )


def _checked(block: FloatArray) -> FloatArray:
    block = np.asarray(block)
    if block.ndim != 2 or block.shape[1] == 0 or block.dtype.kind != "f":
        raise ValueError(
            "Audio must be floats (samples, channels), at least one channel. "
            f"Received: {block.dtype} {block.shape}"
        )
    if not np.isfinite(block).all():
        raise ValueError("Audio must be finite. Received: NaN or infinite samples")
    return block
