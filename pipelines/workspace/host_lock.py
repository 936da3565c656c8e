"""Locks of this host: data that several jobs share is changed under a lock on a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from common.file_lock import file_lock_if_free

_ROUND = 0.1
"""Seconds between two tries."""


@contextmanager
def host_lock(path: Path, check_cancelled: Callable[[], None]) -> Iterator[None]:
    """Hold the lock on `path`, created if missing; wait for it without a limit.

    `check_cancelled` is called regularly while waiting; an exception from it ends the wait. The
    system releases the lock of a process that was killed.
    """
    while True:
        check_cancelled()
        with file_lock_if_free(path) as is_ours:
            if is_ours:
                yield
                return
        time.sleep(_ROUND)
