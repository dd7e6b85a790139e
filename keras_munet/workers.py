"""Work on many tracks at once, in processes that start small."""

import concurrent.futures
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from keras_munet.errors import MunetError

Item = TypeVar("Item")
Result = TypeVar("Result")


def n_cores() -> int:
    """Returns how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start() -> None:
    """Ctrl-C is for the parent to handle, and no worker outlives its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def each(
    function: Callable[[Item], Result], items: Sequence[Item], *, workers: int
) -> Iterator[Result]:
    """Gives `function(item)` of every item, in any order, as they become ready.

    The processes are spawned, so that they carry nothing of a parent that has
    loaded TensorFlow. The first error stops what has not started and is raised.

    Args:
        function: a function of a module, so that a process can import it.
        items: what it is called with.
        workers: processes; with one, all work is done in this process.

    Raises:
        MunetError: when a process dies; otherwise what `function` raises.
    """
    if workers <= 1 or len(items) <= 1:
        yield from map(function, items)
        return
    pool = concurrent.futures.ProcessPoolExecutor(
        max_workers=min(workers, len(items)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start,
    )
    try:
        futures = [pool.submit(function, item) for item in items]
        for future in concurrent.futures.as_completed(futures):
            yield future.result()
    except BrokenProcessPool as error:
        raise MunetError(
            "A worker process died, most likely for want of memory. Run the same "
            "command again with fewer --workers; what is finished is kept. (In a "
            "script of your own, the call must stand under `if __name__ == "
            "'__main__':`, or the processes cannot start.)"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
