"""Gives back what a predecessor of this process on this builder left behind when it was killed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime

from coordination_tasks.claim_intent import ClaimIntent, abandoned_job
from coordination_tasks.model import Attempt, Job, State, Transition
from coordination_tasks.outbox import Outbox
from coordination_tasks.plans import recorded_plan
from coordination_tasks.store import Store

REASON = "doit build was killed on this builder"


def recover(
    store: Store,
    outbox: Outbox,
    intent: ClaimIntent,
    *,
    builder: str,
    ended: Callable[[Attempt, bytes], Mapping[str, str]],
    clock: Callable[[], datetime],
) -> Job | None:
    """Send what waits and release the job of a killed predecessor; gives that job.

    The caller holds the builder's lock, so whoever made the claim is not alive. Raises
    Unavailable. `ended` tells of an attempt and its plan which steps came to their good end, also
    those of which the predecessor had no time to say so, with what each did.
    """
    outbox.flush(store)
    claim_id = intent.read()
    if claim_id is None:
        return None
    store.withdraw_claim()
    snapshot = store.snapshot()
    job = abandoned_job(snapshot.jobs(), claim_id)
    if job is not None:
        attempt = Attempt(
            job=job, builder=builder, number=job.attempt, token=job.token, claim_id=claim_id
        )
        recorded = snapshot.transitions(job.id, job.attempt)
        plan = recorded_plan(snapshot, job)
        succeeded = ended(attempt, plan.data) if plan else {}
        outbox.submit_release(attempt, REASON, _ends(attempt, recorded, succeeded, clock()))
        outbox.flush(store)
    intent.clear()
    return job


def _ends(
    attempt: Attempt,
    recorded: tuple[Transition, ...],
    succeeded: Mapping[str, str],
    now: datetime,
) -> tuple[Transition, ...]:
    """Ends for the steps that were running."""
    last = {t.step: t.to_state for t in recorded if t.step is not None}
    return tuple(
        Transition(
            id=uuid.uuid4().hex,
            job=attempt.job.id,
            attempt=attempt.number,
            token=attempt.token,
            builder=attempt.builder,
            step=step,
            from_state=State.RUNNING,
            to_state=State.SUCCEEDED if step in succeeded else State.CANCELLED,
            at=now,
            reason=succeeded.get(step, REASON),
        )
        for step, state in last.items()
        if state is State.RUNNING
    )
