"""Wait for the end of a child process, a timeout, or the end of the build, whichever is first."""

from __future__ import annotations

import os
import select

from pipelines.processes.cancellation import Cancellation

_LONGEST = 2.0**31 - 1
"""Maximum milliseconds of `poll`: 24 days."""


def wait_for_end(pid: int, seconds: float | None, cancellation: Cancellation | None) -> bool:
    """Whether the child ended within `seconds` (None: no limit). It is not reaped.

    Raises StepCancelled when the build was asked to stop first.
    """
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(process, select.POLLIN)
        if cancellation:
            poll.register(cancellation, select.POLLIN)
        ready = [descriptor for descriptor, _ in poll.poll(_milliseconds(seconds))]
    finally:
        os.close(process)
    if process in ready or not ready:
        return bool(ready)
    if cancellation:
        cancellation.check()
    return False


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else min(max(0.0, seconds * 1000), _LONGEST)
