"""Scores a data set track by track, in parallel, and keeps what is done.

A thread works on one track at a time: it holds that track's signals in the form of
the protocol, and nothing of any other. NumPy, SciPy and the decoders release the
interpreter while they work, so threads run side by side.
"""

import concurrent.futures
import contextlib
import importlib.metadata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from keras_munet.errors import MunetError
from keras_munet.evaluation.report import (
    Report,
    TrackReport,
    check_same,
    load_report,
)
from keras_munet.evaluation.scoring import Estimator, Track, TrackScorer
from keras_munet.evaluation.setting import Setting

PACKAGES = ("keras-munet", "numpy", "scipy", "mir_eval", "museval", "tensorflow")


def evaluate(
    tracks: Iterable[Track],
    setting: Setting,
    estimator: Estimator | None,
    path: str | Path,
    *,
    workers: int = 1,
    overwrite: bool = False,
    progress: Callable[[float, float], None] | None = None,
) -> Report:
    """Scores every track and writes the report after each one.

    Tracks that the report at `path` already holds are not scored again, unless
    their files of estimates have changed or the oracle is newly asked for. A track
    that cannot be scored is listed under `failed`, and the others go on.

    Args:
        tracks: what is scored.
        setting: how.
        estimator: gives the estimates; None scores oracle and mixture only.
        path: of the report, `.json`.
        workers: tracks in work at the same time.
        overwrite: start anew even if there is a report.
        progress: called with (done, total) tracks.

    Returns:
        The report as written.

    Raises:
        MunetError: when the report at `path` was made with other settings, or the
            folder of estimates does not fit at all.
    """
    method = estimator.describe() if estimator else {"kind": "oracle"}
    tracks = list(tracks)
    report = _open(Path(path), setting.header(method), overwrite)
    work = TrackScorer(setting, estimator, report)
    todo = [track for track in tracks if not work.is_done(track)]
    tell = progress or (lambda done, total: None)
    tell(len(tracks) - len(todo), len(tracks))
    report.save(path)
    pool = concurrent.futures.ThreadPoolExecutor(max(1, workers))
    limit = contextlib.ExitStack()
    try:
        limit.enter_context(_blas_threads(1 if workers > 1 else None))
        futures = {pool.submit(work.score, track): track.name for track in todo}
        for future in concurrent.futures.as_completed(futures):
            name = futures[future]
            try:
                report.tracks[name] = future.result()
            except (MunetError, OSError) as error:
                report.failed[name] = str(error)
            except Exception as error:  # of one track, whatever it is
                report.failed[name] = f"{type(error).__name__}: {error}"
            report.save(path)
            tell(len(tracks) - len(todo) + _done(futures), len(tracks))
    finally:
        work.stopped.set()
        pool.shutdown(wait=True, cancel_futures=True)
        limit.close()
    return report


@contextlib.contextmanager
def _blas_threads(n: int | None) -> Iterator[None]:
    """Keeps linear algebra from starting threads of its own beside the workers."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(n, user_api="blas"):
        yield


def _done(futures: Iterable[concurrent.futures.Future[TrackReport]]) -> int:
    return sum(future.done() for future in futures)


def _open(path: Path, header: dict[str, Any], overwrite: bool) -> Report:
    if overwrite or not path.exists():
        return Report(header, _versions())
    report = load_report(path)
    check_same(
        header,
        report.header,
        f"{path} was made with other settings; choose another file, or --overwrite",
    )
    report.failed = {}
    report.versions = _versions()
    return report


def _versions() -> dict[str, str]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
