"""One lock for all packaging on a machine, by any user: builds share it, apt holds it alone.

The installed packages must not change during a build: another job's apt run would replace its
compiler, another job's dummy would count as the real package.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_ROUND = 0.2


@contextmanager
def machine_lock(
    path: Path,
    *,
    alone: bool,
    check_cancelled: Callable[[], None],
    on_wait: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Hold the lock, alone or shared with others; wait without a limit.

    `check_cancelled` is called regularly while waiting, and an exception from it ends the wait;
    `on_wait` is called once if there is a wait. The system releases the lock of a process that was
    killed. Unprivileged users share the file that root made.
    """
    descriptor = _open(path)
    try:
        wanted = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        first = True
        while not _taken(descriptor, wanted):
            if first:
                on_wait()
            first = False
            check_cancelled()
            time.sleep(_ROUND)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not in one call: the kernel may forbid O_CREAT on a file of another user in a folder like
        # this (fs.protected_regular), and allows to open it.
        return os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)


def _taken(descriptor: int, wanted: int) -> bool:
    try:
        fcntl.flock(descriptor, wanted | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
