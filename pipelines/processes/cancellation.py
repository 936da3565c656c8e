"""Stopping a build while one of its commands runs."""

from __future__ import annotations

import os
import select

from pipelines.domain.errors import StepCancelled


class Cancellation:
    """A switch that is set once; code that waits for a command watches its file descriptor.

    `cancel` may be called by any thread and by a signal handler at any instant: it takes no lock.
    """

    def __init__(self) -> None:
        self._descriptor = os.eventfd(0)
        self._reason: str | None = None

    @property
    def reason(self) -> str | None:
        """Why the build must stop; None while it may run."""
        return self._reason

    def cancel(self, reason: str) -> None:
        """Ask the build to stop. The first reason is kept."""
        if self._reason is None:
            self._reason = reason
            os.eventfd_write(self._descriptor, 1)

    def check(self) -> None:
        """Raise StepCancelled when the build was asked to stop."""
        if self._reason is not None:
            raise StepCancelled(self._reason)

    def wait(self, seconds: float) -> None:
        """Wait. Raises StepCancelled as soon as the build is asked to stop."""
        poll = select.poll()
        poll.register(self, select.POLLIN)
        poll.poll(seconds * 1000)
        self.check()

    def fileno(self) -> int:
        """Readable after `cancel`, for `poll`."""
        return self._descriptor

    def close(self) -> None:
        """Close the file descriptor."""
        os.close(self._descriptor)
