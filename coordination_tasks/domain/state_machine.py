"""Which transitions exist. Pure: no clock, no store."""

from __future__ import annotations

from collections.abc import Mapping

from common.states import State
from coordination_tasks.domain.errors import IllegalTransition

FINAL_STEP_STATES = frozenset(
    {
        State.SUCCEEDED,
        State.FAILED,
        State.CANCELLED,
        State.TIMED_OUT,
        State.SKIPPED,
        State.UP_TO_DATE,
    }
)

JOB_TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.CANCELLED, State.FAILED}),
    State.RUNNING: frozenset(
        {State.SUCCEEDED, State.FAILED, State.TIMED_OUT, State.CANCELLED, State.QUEUED}
    ),
    # A finished job runs again only when it is requested by id: `doit build --job`.
    State.SUCCEEDED: frozenset({State.RUNNING}),
    State.FAILED: frozenset({State.RUNNING, State.QUEUED}),
    State.TIMED_OUT: frozenset({State.RUNNING, State.QUEUED}),
    State.CANCELLED: frozenset({State.RUNNING, State.QUEUED}),
}

STEP_TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.SKIPPED, State.UP_TO_DATE, State.CANCELLED}),
    State.RUNNING: frozenset(
        {State.SUCCEEDED, State.FAILED, State.TIMED_OUT, State.CANCELLED, State.SKIPPED}
    ),
}
"""Within one attempt: each attempt starts with all its steps queued."""


def check_job_transition(job: str, before: State, after: State) -> None:
    """Raise IllegalTransition unless a job may go from `before` to `after`."""
    if after not in JOB_TRANSITIONS[before]:
        raise IllegalTransition(f"invalid transition of job {job}: {before} to {after}")


def check_step_transition(step: str, before: State, after: State) -> None:
    """Raise IllegalTransition unless a step may go from `before` to `after` in one attempt."""
    if after not in STEP_TRANSITIONS.get(before, frozenset()):
        raise IllegalTransition(f"invalid transition of step {step}: {before} to {after}")
