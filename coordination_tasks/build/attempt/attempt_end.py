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
    """A signal ended the build; the job is released."""

    number: int
    """Number of the signal."""
    state: ClassVar[State] = State.CANCELLED

    @property
    def reason(self) -> str:
        """Readable text."""
        return f"ended by {signal.Signals(self.number).name}"


@dataclass(frozen=True, slots=True)
class BrokeOff:
    """The run was aborted before all of its steps had ended."""

    error: BaseException
    job: Completed | Released | None = None
    """The job's own end, if it has one; None: it is released."""

    @property
    def state(self) -> State:
        """State of the job in this attempt."""
        return self.job.state if self.job else State.CANCELLED

    @property
    def reason(self) -> str:
        """Readable text."""
        error = self.error
        cause = error.cause if isinstance(error, CoordinationError) else in_words(error)
        return f"the run was aborted: {cause}"


SubmittedEnd = Completed | Released | BrokeOff
"""An end that is safe in the outbox."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The coordination repository rejects the end."""

    end: SubmittedEnd
    error: CoordinationError


@dataclass(frozen=True, slots=True)
class Lost:
    """The job belongs to another attempt now, and this one has no end of its own."""

    error: ClaimLost


AttemptEnd = SubmittedEnd | Refused | Lost
