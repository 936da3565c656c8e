"""How an attempt ended: one value, and no combination of flags that could contradict each other."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import ClassVar

from common.states import State
from coordination_tasks.domain.attempt_result import Failed, Succeeded
from coordination_tasks.domain.errors import ClaimLost, CoordinationError, in_words

Completed = Succeeded | Failed


@dataclass(frozen=True, slots=True)
class Released:
    """A signal ended the build; the job is queued again."""

    number: int
    """Of the signal."""
    state: ClassVar[State] = State.CANCELLED

    @property
    def reason(self) -> str:
        """For people."""
        return f"ended by {signal.Signals(self.number).name}"


@dataclass(frozen=True, slots=True)
class BrokeOff:
    """The run ended before its steps came to their ends."""

    error: BaseException
    job: Completed | Released | None = None
    """The end that the job has nevertheless; None: it is queued again."""

    @property
    def state(self) -> State:
        """Of the job in this attempt."""
        return self.job.state if self.job else State.CANCELLED

    @property
    def reason(self) -> str:
        """For people."""
        error = self.error
        cause = error.cause if isinstance(error, CoordinationError) else in_words(error)
        return f"the run broke off: {cause}"


SubmittedEnd = Completed | Released | BrokeOff
"""An end that is safe in the outbox."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The coordination repository does not take the end."""

    end: SubmittedEnd
    error: CoordinationError


@dataclass(frozen=True, slots=True)
class Lost:
    """The job belongs to another attempt now, and this one has no end of its own."""

    error: ClaimLost


AttemptEnd = SubmittedEnd | Refused | Lost
