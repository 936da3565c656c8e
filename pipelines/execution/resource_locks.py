"""Locks on resources that steps share on a host: a database, a port, a card."""

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

    Waits for each without a limit, and shows that. Takes them in the order of names, so that two
    steps never wait for each other. Raises StepFailed when the folder cannot be used, and what
    `check_cancelled` raises.
    """
    with ExitStack() as locks:
        for name in sorted(set(names)):
            progress(f"waiting for resource {name}")
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
            f"cannot use the resource locks in {folder}: {error.strerror}. "
            "Set lock_dir in builder.yaml to a folder that all builders of this host can write.",
        ) from error
