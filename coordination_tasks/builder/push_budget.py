"""How often this builder pushes: one small file that all its processes on this host share.

Git hosts ask for few pushes a minute. What must not wait (a claim, the end of an attempt, what a
person asked for) is counted, and makes the rest wait: transitions and heartbeats.
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

    `monotonic` has to be the same for all processes of a host, as Linux' own is. Raises
    NotDurable when the file can't be used.
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
        """Count a push that is about to be made, whether there is room for it or not.

        One for which there is none takes the place of the next, within one window.
        """
        with self._locked():
            times, now = self._counted(), self._monotonic()
            free = times[-self._most] + self._window if len(times) >= self._most else now
            times.append(max(now, min(free, now + self._window)))
            self._path.write_text(json.dumps(times))

    def has_room(self) -> bool:
        """Whether a push that can wait may be made now."""
        with self._locked():
            return len(self._counted()) < self._most

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with file_lock(self._lock_path):
                yield
        except OSError as error:
            raise NotDurable(f"the pushes of this builder can't be counted: {error}") from error

    def _counted(self) -> list[float]:
        now = self._monotonic()
        try:
            times = [float(at) for at in json.loads(self._path.read_bytes())]
        except (FileNotFoundError, TypeError, ValueError):
            # None yet, or not what `spend` wrote: nobody can tell what was pushed.
            return []
        # later ones were written before this host was booted again
        return [at for at in times if now - self._window < at <= now + self._window]
