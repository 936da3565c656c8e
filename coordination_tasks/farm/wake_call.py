"""Wakes a `doit build` of this host that waits for its next look at the repository."""

from __future__ import annotations

import errno
import os
import select
from contextlib import suppress
from pathlib import Path

_NAME = "wake"


class WakeCalls:
    """The calls to the builder that owns `state_dir`. Only one process may await them."""

    def __init__(self, state_dir: Path) -> None:
        path = state_dir / _NAME
        with suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        # open for both ways: a FIFO without a writer would be readable all the time
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)

    def wait(self, seconds: float) -> bool:
        """Wait for a call; whether there was one within that time."""
        if not self._poll.poll(seconds * 1000):
            return False
        with suppress(BlockingIOError):
            os.read(self._descriptor, select.PIPE_BUF)
        return True

    def call(self) -> None:
        """End a `wait` of another thread."""
        with suppress(BlockingIOError):  # full of calls
            os.write(self._descriptor, b"\0")

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def wake(state_dir: Path) -> bool:
    """Call the build of the builder that owns `state_dir`; whether one is running here."""
    try:
        descriptor = os.open(state_dir / _NAME, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENXIO, errno.EACCES, errno.ENOTDIR}:
            return False
        raise
    try:
        with suppress(BlockingIOError):
            os.write(descriptor, b"\0")
    finally:
        os.close(descriptor)
    return True
