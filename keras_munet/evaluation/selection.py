"""Which tracks are scored, and how, from what a user asked for."""

from collections import Counter
from pathlib import Path

from keras_munet.config import FOUR_SOURCES, DataConfig, STFTConfig
from keras_munet.data.tracks import Track, find_tracks
from keras_munet.errors import DataError
from keras_munet.evaluation.estimates import StemFolder
from keras_munet.evaluation.model_estimates import ModelEstimator
from keras_munet.evaluation.scoring import Estimator
from keras_munet.evaluation.setting import Setting


def select_tracks(
    source: str | Path,
    config: DataConfig,
    *,
    split: str = "test",
    names: tuple[str, ...] = (),
) -> list[Track]:
    """Returns the tracks of one split, or those of the given names.

    Args:
        source: a data set (see `find_tracks`).
        config: how its stems are called.
        split: `train`, `valid`, `test` or `all`.
        names: a choice of tracks, out of that split.

    Returns:
        The tracks, and folders among them that hold no stems: those fail by
        themselves, with a word, when they are scored.

    Raises:
        DataError: when there are none, or two tracks of one name.
    """
    tracks = find_tracks(source, config, odd=True)
    chosen = [track for track in tracks if split in ("all", track.split)]
    if not chosen:
        counts = Counter(track.split for track in tracks)
        found = ", ".join(f"{n} of {name}" for name, n in sorted(counts.items()))
        raise DataError(
            f"{source} has no tracks of the split {split!r}. It has {found}. Choose "
            "with --split; --split all takes every track."
        )
    twice = [name for name, n in Counter(t.name for t in chosen).items() if n > 1]
    if twice:
        raise DataError(
            f"{source} has two tracks of the name {twice[0]!r}. Rename one of them, "
            "or choose one --split."
        )
    unknown = sorted(set(names) - {track.name for track in chosen})
    if unknown:
        raise DataError(
            f"{source} has no track {unknown[0]!r} in the split {split!r}. Its tracks: "
            f"{', '.join(track.name for track in chosen[:5])}, ..."
        )
    return [track for track in chosen if not names or track.name in names]


def choose_setting(
    tracks: list[Track],
    *,
    model: str | Path | None = None,
    estimates: str | Path | None = None,
    stem_names: tuple[tuple[str, str], ...] = (),
    sources: tuple[str, ...] = (),
    protocol: str = "paper",
    split: str = "test",
    masks: str | None = None,
    backend: str = "fast",
    oracle: bool = False,
    device: str | None = None,
) -> tuple[Setting, Estimator | None]:
    """Opens the model or folder and returns how it is scored.

    Args:
        tracks: to be scored.
        model: a model to score.
        estimates: a folder of stems to score; neither scores the oracle alone.
        stem_names: pairs (source, file stem), as of the tracks.
        sources: what is scored; by default what the model or folder has.
        protocol: see `PROTOCOLS`.
        split: that the tracks are of.
        masks: `raw` or `sum`; by default raw for `paper`, sum otherwise.
        backend: `fast` or `mir_eval`.
        oracle: score the ideal masks, too.
        device: where the network runs.

    Raises:
        MunetError: when the model or folder cannot be used.
    """
    stft = STFTConfig()
    estimator: ModelEstimator | StemFolder | None = None
    if model:
        kind = masks or ("raw" if protocol == "paper" else "sum")
        estimator = ModelEstimator(model, masks=kind, device=device)
        stft = estimator.runtime.config.stft
        sources = sources or estimator.runtime.config.sources
        estimator.check(sources)
    elif estimates:
        known = {file.lower(): source for source, file in stem_names}
        estimator = StemFolder(estimates, known)
        sources = sources or estimator.sources([track.name for track in tracks])
    setting = Setting(
        sources=sources or FOUR_SOURCES,
        protocol=protocol,
        split=split,
        backend=backend,
        oracle=oracle,
        stft=stft,
    )
    return setting, estimator
