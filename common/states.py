"""The states of jobs and steps. Which changes are allowed: `coordination_tasks/domain`. Pure."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """State of a job or of one of its steps."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"
    UP_TO_DATE = "up_to_date"


UNFINISHED = frozenset({State.QUEUED, State.RUNNING})
"""States of a job that has not ended."""
ENDED_WELL = frozenset({State.SUCCEEDED, State.UP_TO_DATE})
"""States of a step whose outputs exist."""
FAILURES = frozenset({State.FAILED, State.TIMED_OUT})
"""States of a job or step that did not succeed by itself."""
ENDED_BADLY = FAILURES | {State.CANCELLED}
"""States of a step after which a step that needs it does not run."""
