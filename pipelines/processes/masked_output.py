"""Output of a command on its way to the log, with secrets masked."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Collection

from common.redaction import StreamMask
from pipelines.processes.step_log import StepLog

_CHUNK = 1 << 16


class MaskedOutput:
    """A pipe that a command writes to, and a thread that copies it into the log.

    Slower than a log that the command itself writes, so only for steps of pipelines with secrets. A
    daemon that keeps the pipe open blocks nothing: `close` reads only what is there.
    """

    def __init__(self, log: StepLog, secrets: Collection[str]) -> None:
        self._log = log
        self._mask = StreamMask(secrets)
        self._reader, self.descriptor = os.pipe()
        self._ended, self._end = os.pipe()
        self._failure: BaseException | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._move, name=f"mask {log.path.name}")
        self._thread.start()

    def started(self) -> None:
        """Close our copy of the writing end, which the command has now."""
        os.close(self.descriptor)

    def close(self) -> None:
        """Copy the rest of the pipe after the command has ended. Raises StepFailed (DISK_FULL).

        A second call does nothing.
        """
        if self._closed:
            return
        self._closed = True
        os.close(self._end)
        self._thread.join()
        for descriptor in (self._reader, self._ended):
            os.close(descriptor)
        if self._failure is not None:
            raise self._failure

    def _move(self) -> None:
        try:
            while piece := self._next():
                self._log.append(self._mask.feed(piece))
            self._log.append(self._mask.rest())
        except BaseException as error:  # close raises it again
            self._failure = error
            # the command must not wait for a reader before it can be stopped
            while self._next():
                pass

    def _next(self) -> bytes:
        """The next piece; empty when no writer is left, or the command has ended."""
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        poll.register(self._ended, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll()}
        return os.read(self._reader, _CHUNK) if self._reader in ready else b""
