"""How a build is told to end while one of its commands runs."""

from __future__ import annotations

import os
import select

from pipelines.domain.errors import StepCancelled


class Cancellation:
    """A switch that is thrown once; whoever waits for a command watches its file descriptor.

    `cancel` may be called by any thread and by a signal handler at any instant: it takes no lock.
    """

    def __init__(self) -> None:
        self._descriptor = os.eventfd(0)
        self._reason: str | None = None

    @property
    def reason(self) -> str | None:
        """Why the build has to end; None as long as it does not."""
        return self._reason

    def cancel(self, reason: str) -> None:
        """Tell the build to end. The first reason stays."""
        if self._reason is None:
            self._reason = reason
            os.eventfd_write(self._descriptor, 1)

    def check(self) -> None:
        """Raise StepCancelled when the build was told to end."""
        if self._reason is not None:
            raise StepCancelled(self._reason)

    def wait(self, seconds: float) -> None:
        """Wait. Raises StepCancelled as soon as the build is told to end."""
        poll = select.poll()
        poll.register(self, select.POLLIN)
        poll.poll(seconds * 1000)
        self.check()

    def fileno(self) -> int:
        """Readable from the moment of `cancel` on, for `poll`."""
        return self._descriptor

    def close(self) -> None:
        """Give the file descriptor back."""
        os.close(self._descriptor)
