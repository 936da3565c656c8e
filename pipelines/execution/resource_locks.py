"""Locks on what steps share on a host: a database, a port, a card. Held by one step at a time."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.workspace.host_lock import host_lock
from pipelines.workspace.layout import folder_name


@contextmanager
def held(
    folder: Path,
    names: Iterable[str],
    check_cancelled: Callable[[], None],
    progress: Callable[[str], None],
) -> Iterator[None]:
    """Hold the locks with these names in `folder`, the same for all builders of the host.

    Waits for each without a limit, and says so. In the names' order, so that two steps never wait
    for each other. Raises StepFailed when the folder can't be used, and what `check_cancelled`
    raises.
    """
    with ExitStack() as locks:
        for name in sorted(set(names)):
            progress(f"waits for the resource {name}")
            lock = host_lock(folder / f"{folder_name(name)}.lock", check_cancelled)
            with _usable(folder):
                locks.enter_context(lock)
        yield


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
            raise
        raise StepFailed(
            FailureCode.BAD_REQUEST,
            f"locks on resources can't be kept in {folder}: {error.strerror}; "
            "set lock_dir in builder.yaml to a folder that all builders of this host can write",
        ) from error
