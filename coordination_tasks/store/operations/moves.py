"""Transitions of jobs that change their state without an attempt's own record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from coordination_tasks.documents.transitions import read_log, write_log
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.domain.state_machine import check_job_transition
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.operations.attempt import ends_of_running_steps


def log_broken_off(draft: Draft, before: Job, after: Job, *, by: str, now: datetime) -> None:
    """End transitions of the steps that were running when the job was taken away."""
    log = read_log(draft, before.id, before.attempt)
    log.append_steps(
        ends_of_running_steps(after, log.transitions, builder=by, at=now, reason=after.reason)
    )
    write_log(draft, before.id, before.attempt, log)


def log_move(
    draft: Draft,
    before: Job,
    after: Job,
    *,
    by: str,
    now: datetime,
    details: Mapping[str, object] | None = None,
) -> None:
    """Log the job's change from the state `before` to that of `after`. Raises IllegalTransition."""
    check_job_transition(before.id, before.state, after.state)
    log = read_log(draft, before.id, before.attempt)
    log.append(
        Transition.of_job(
            after,
            # a job has each token in only one such transition
            own_id=f"{before.id}-{after.token}-{after.state}",
            builder=by,
            from_state=before.state,
            at=now,
            reason=after.reason,
            details=details,
        )
    )
    write_log(draft, before.id, before.attempt, log)
