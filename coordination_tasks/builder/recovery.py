"""Recovers the job of an earlier `doit build` on this builder that was killed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from common.states import State
from coordination_tasks.builder.claim_intent import ClaimIntent, abandoned_job
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.domain.errors import ClaimLost, in_words
from coordination_tasks.domain.model import Attempt, Transition
from coordination_tasks.store.attempt_commands import Completion, ends_claim
from coordination_tasks.store.operations.attempt import (
    ended_before,
    ends_of_running_steps,
    last_attempt,
)
from coordination_tasks.store.plans import RecordedPlan, recorded_plan
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store

REASON = "doit build was killed on this builder"


def recover(
    store: Store,
    outbox: Outbox,
    intent: ClaimIntent,
    *,
    builder: str,
    ended: Callable[[Attempt, RecordedPlan], Mapping[str, str]],
    clock: Callable[[], datetime],
    person: str = "",
) -> str | None:
    """Send waiting entries and release the job of a killed build; returns a line about it.

    The job is queued again, or fails when that was its last attempt; if it had ended before, it is
    as it was then. The caller holds the builder's lock, so the process that made the claim has
    ended. Raises Unavailable, and the error of a store that refuses to take the job back. `ended`
    returns the steps of an attempt and its plan that succeeded, with their results, including those
    that the killed build did not record. `person`: who asked for it; "" when nobody did.
    """
    outbox.flush(store)
    claim_id = intent.read()
    if claim_id is None:
        return None
    store.withdraw_claim()
    snapshot = store.snapshot()
    job = abandoned_job(snapshot.jobs(), claim_id)
    told = None
    if job is not None:
        recorded = snapshot.transitions(job.id, job.attempt)
        attempt = Attempt(
            job=job,
            builder=builder,
            number=job.attempt,
            token=job.token,
            claim_id=claim_id,
            ended_as=ended_before(recorded),
        )
        succeeded, reason = _ended(attempt, snapshot, outbox, ended)
        reason += f", requested by {person}" if person else ""
        ends = ends_of_running_steps(
            job,
            recorded,
            builder=builder,
            at=clock(),
            reason=reason,
            succeeded=succeeded,
        )
        told = f"job {job.id} of a killed build {_give_back(outbox, attempt, reason, ends)}"
        _send(store, outbox, claim_id)
    intent.clear()
    return told


def _ended(
    attempt: Attempt,
    snapshot: Snapshot,
    outbox: Outbox,
    ended: Callable[[Attempt, RecordedPlan], Mapping[str, str]],
) -> tuple[Mapping[str, str], str]:
    """The steps that succeeded, and why the attempt has ended."""
    refused = [e.refused for e in outbox.refused() if ends_claim(e.command, attempt.claim_id)]
    reason = f"the store refused its result: {refused[-1]}" if refused else REASON
    plan = recorded_plan(snapshot, attempt.job)
    try:
        return ended(attempt, plan) if plan else {}, reason
    except Exception as error:  # whatever is wrong, the job must not stay here forever
        return {}, f"{reason}; cannot determine which steps succeeded: {in_words(error)}"


def _give_back(outbox: Outbox, attempt: Attempt, reason: str, ends: tuple[Transition, ...]) -> str:
    """Release or fail the job; returns which, as text."""
    if attempt.ended_as:
        outbox.submit_release(attempt, reason, ends)
        return f"stays {attempt.ended_as}"
    last = last_attempt(attempt.job, reason)
    if last is None:
        outbox.submit_release(attempt, reason, ends)
        return "was queued again"
    failed = Completion(state=State.FAILED, reason=last, transitions=ends)
    outbox.submit_completion(attempt, failed)
    return f"failed: {last}"


def _send(store: Store, outbox: Outbox, claim_id: str) -> None:
    for entry, error in outbox.flush(store).refused:
        if ends_claim(entry.command, claim_id) and not isinstance(error, ClaimLost):
            raise error
