"""Limits how often this builder pushes: a small file that all its processes on this host share.

Git hosts expect few pushes per minute. Urgent pushes (a claim, the end of an attempt, a person's
command) are counted and delay the others: transitions and heartbeats.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from common.file_lock import file_lock
from coordination_tasks.domain.errors import NotDurable

MINUTE = 60.0


class PushBudget:
    """At most `per_minute` pushes in any minute; 0.5 is one push in any two minutes.

    `monotonic` must be the same for all processes of a host, as on Linux. Raises NotDurable when
    the file cannot be used.
    """

    def __init__(
        self, path: Path, per_minute: float, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._most = max(1, math.floor(per_minute))
        self._window = self._most * MINUTE / per_minute
        self._monotonic = monotonic
        self._lock_path = path.with_name(path.name + ".lock")

    def spend(self) -> None:
        """Count a push that is about to be made, whether the budget has room for it or not.

        Without room it uses up the next place, within one window.
        """
        with self._locked():
            times, now = self._counted(), self._monotonic()
            free = times[-self._most] + self._window if len(times) >= self._most else now
            times.append(max(now, min(free, now + self._window)))
            self._path.write_text(json.dumps(times))

    def has_room(self) -> bool:
        """Whether a push that is not urgent may be made now."""
        with self._locked():
            return len(self._counted()) < self._most

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with file_lock(self._lock_path):
                yield
        except OSError as error:
            raise NotDurable(f"cannot count the pushes of this builder: {error}") from error

    def _counted(self) -> list[float]:
        now = self._monotonic()
        try:
            times = [float(at) for at in json.loads(self._path.read_bytes())]
        except (FileNotFoundError, TypeError, ValueError):
            # None yet, or not written by `spend`: earlier pushes are unknown.
            return []
        # later times were written before the last reboot
        return [at for at in times if now - self._window < at <= now + self._window]
