"""The housekeeping that `doit watch` does by itself, so that nobody has to think of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from coordination_tasks.farm.housekeeping import Housekeeping

MUCH = 100
"""Things that are due: fewer are not worth a commit, which every builder has to fetch."""
HOUR = 3600.0


@dataclass(kw_only=True)
class StandingHousekeeping:
    """Looks once an hour. Any number of builders may do so: who comes second finds nothing due."""

    housekeeping: Callable[[], Housekeeping]
    """For the present moment."""
    monotonic: Callable[[], float]
    notice: Callable[[str], None]
    _next: float = field(init=False, default=0.0)

    def turn(self) -> None:
        """Do what is due, if it is much. Raises Unavailable and the store's other errors."""
        if self.monotonic() < self._next:
            return
        # also when it fails: the watch comes back every half minute
        self._next = self.monotonic() + HOUR
        housekeeping = self.housekeeping()
        if len(housekeeping.look()) >= MUCH:
            moved = housekeeping.run()
            self.notice(f"{len(moved)} jobs, messages and logs went to the archive")
