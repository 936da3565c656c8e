"""Why a run of `doit build` must stop before its steps have ended."""

from __future__ import annotations

from collections.abc import Callable

from coordination_tasks.build.attempt.attempt_end import BrokeOff, Released
from coordination_tasks.domain.errors import ClaimLost


class StopReasons:
    """The reasons that arrived so far, from any thread; one of them does not exclude another.

    `on_stop` is called with the text of each and stops the running steps.
    """

    def __init__(self, on_stop: Callable[[str], None]) -> None:
        self._on_stop = on_stop
        self.signal: Released | None = None
        """Set by a signal: how the attempt will end."""
        self.lost: ClaimLost | None = None
        """Set when the job belongs to another attempt: nothing more is written for this one."""
        self.broke_off: BrokeOff | None = None
        """Set when this run cannot continue."""

    def end_by_signal(self, number: int) -> None:
        """A signal arrived."""
        self.signal = Released(number)
        self._on_stop(self.signal.reason)

    def lose(self, error: ClaimLost) -> None:
        """The claim is lost."""
        self.lost = error
        self._on_stop(str(error))

    def break_off(self, error: BaseException) -> BrokeOff:
        """The run cannot continue."""
        self.broke_off = BrokeOff(error)
        self._on_stop(self.broke_off.reason)
        return self.broke_off

    @property
    def before_next_step(self) -> str | None:
        """Why no further step may start, or None."""
        if self.signal:
            return self.signal.reason
        return str(self.lost) if self.lost else None
