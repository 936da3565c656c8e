"""One at a time on this host: what several jobs share is changed under a lock on a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_ROUND = 0.5


@contextmanager
def host_lock(path: Path, check_cancelled: Callable[[], None]) -> Iterator[None]:
    """Hold the lock on `path`, which is made when it is not there; wait for it without a limit.

    `check_cancelled` is called now and then while waiting; what it raises ends the wait. The
    system frees the lock of a process that was killed.
    """
    # Not at the top: it costs a tenth of a second that `doit list` would pay too.
    from filelock import FileLock, Timeout  # noqa: PLC0415

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    while not lock.is_locked:
        check_cancelled()
        try:
            lock.acquire(timeout=_ROUND)
        except Timeout:
            continue
    try:
        yield
    finally:
        lock.release()
