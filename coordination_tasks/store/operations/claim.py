"""The claim of a job: one pure change of a draft, so that one write makes and publishes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from common.states import State
from coordination_tasks.documents.builder_status import BUILDING, StatusChange, current_job
from coordination_tasks.documents.drains import drain_of, read_drains
from coordination_tasks.documents.jobs import JobsDocument, read_jobs, write_jobs
from coordination_tasks.documents.paths import DRAINS
from coordination_tasks.documents.transitions import read_log, time_of_change, write_log
from coordination_tasks.domain.errors import ClaimLost, Conflict, NothingToClaim
from coordination_tasks.domain.model import Attempt, Job, Transition
from coordination_tasks.domain.scheduling import Wanted, queue_order, refusal, running_by_pipeline
from coordination_tasks.domain.state_machine import check_job_transition
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.operations.attempt import ended_before
from coordination_tasks.store.status_publisher import Publisher

Resolve = Callable[[Job], str | None]
"""Returns the commit of a job that has a pipeline but no commit; None when it is unknown."""
Judge = Callable[[Job], str]
"""Why this builder runs no such job, whatever else fits; "" when it does."""


def trust_all(job: Job) -> str:  # noqa: ARG001 - a Judge
    """The judge of a builder that takes jobs from everybody who can queue them."""
    return ""


def claim(
    draft: Draft,
    claim_id: str,
    wanted: Wanted,
    publisher: Publisher,
    resolve: Resolve,
    judge: Judge = trust_all,
) -> Attempt:
    """Claim the next job, or the wanted one; returns the existing claim if `claim_id` has one.

    Raises NothingToClaim, NotFound, Conflict, ClaimLost.
    """
    jobs = read_jobs(draft)
    attempt = claim_in(draft, jobs, claim_id, wanted, publisher, resolve, judge)
    write_jobs(draft, jobs)
    return attempt


def claim_in(
    draft: Draft,
    jobs: JobsDocument,
    claim_id: str,
    wanted: Wanted,
    publisher: Publisher,
    resolve: Resolve,
    judge: Judge = trust_all,
) -> Attempt:
    """Like `claim`, but changes `jobs` instead of the document; when it raises, nothing changed.

    A claim id holds one job at a time, but may have held another before: if the answer to a claim
    is lost and the job is reaped or cancelled before the claim is repeated, the repetition takes
    the next job. Its builder never knew of the first one, and started nothing for it.
    """
    own = jobs.claimed_as(claim_id)
    if own is not None:
        return _held(draft, own, claim_id, publisher.profile.id)
    if drain := drain_of(read_drains(draft.read(DRAINS)), publisher.profile.id):
        raise NothingToClaim(f"builder {publisher.profile.id} claims nothing: {drain}")
    if wanted.job_id:
        job = _wanted_job(jobs, wanted, judge)
    else:
        job = _next_job(jobs, wanted, publisher.now, judge)
    check_job_transition(job.id, job.state, State.RUNNING)
    pipeline = wanted.pipeline_of(job)
    claimed = replace(
        job,
        pipeline=pipeline,
        commit=job.commit or resolve(replace(job, pipeline=pipeline)),
        state=State.RUNNING,
        assigned_to=publisher.profile.id,
        attempt=job.attempt + 1,
        token=job.token + 1,
        claim_id=claim_id,
        max_attempts=wanted.max_attempts_of(job),
        reason="",
        started_at=time_of_change(draft, job, publisher.now),
        completed_at=None,
        duration_seconds=None,
    )
    jobs.put(claimed)
    _log_claim(draft, job, claimed, claim_id, publisher, wanted.requested_by)
    publisher.publish(draft, StatusChange(status=BUILDING, current_job=current_job(claimed)))
    draft.note(f"{publisher.profile.id}: claim {job.id}, attempt {claimed.attempt}")
    return _attempt(draft, claimed, claim_id, publisher.profile.id)


def explain(
    jobs: JobsDocument, wanted: Wanted, now: datetime, judge: Judge = trust_all
) -> Iterator[tuple[Job, str]]:
    """The queued jobs in order, each with the reason why it does not match this builder ("")."""
    unfinished = tuple(jobs.unfinished())
    running = running_by_pipeline(unfinished)
    for job in queue_order(unfinished, now):
        yield job, refusal(job, wanted, jobs.state_of, running) or judge(job)


def _next_job(jobs: JobsDocument, wanted: Wanted, now: datetime, judge: Judge) -> Job:
    refusals = []
    for job, reason in explain(jobs, wanted, now, judge):
        if not reason:
            return job
        refusals.append((job.id, reason))
    if refusals:
        job_id, reason = refusals[0]
        none = (
            f"{len(refusals)} jobs are queued, but none matches"
            if len(refusals) > 1
            else "1 job is queued, but it does not match"
        )
        raise NothingToClaim(
            f"{none} this builder ({job_id}: {reason}). Run `doit explain` for details.",
            tuple(refusals),
        )
    raise NothingToClaim("no job is queued")


def _wanted_job(jobs: JobsDocument, wanted: Wanted, judge: Judge) -> Job:
    job = jobs.require(wanted.job_id or "")
    if job.state is State.RUNNING:
        raise Conflict(f"job {job.id} is running on {job.assigned_to}, attempt {job.attempt}")
    running = running_by_pipeline(jobs.unfinished())
    reason = refusal(job, wanted, jobs.state_of, running) or judge(job)
    if reason:
        refusals = ((job.id, reason),)
        raise NothingToClaim(f"job {job.id} does not match this builder: {reason}", refusals)
    return job


def _held(draft: Draft, job: Job, claim_id: str, builder: str) -> Attempt:
    if job.state is not State.RUNNING or job.assigned_to != builder:
        raise ClaimLost(f"job {job.id} was claimed, but is {job.state} now: {job.reason}")
    return _attempt(draft, job, claim_id, builder)


def _attempt(draft: Draft, job: Job, claim_id: str, builder: str) -> Attempt:
    return Attempt(
        job=job,
        builder=builder,
        number=job.attempt,
        token=job.token,
        claim_id=claim_id,
        ended_as=ended_before(read_log(draft, job.id, job.attempt).transitions),
    )


def _log_claim(
    draft: Draft, before: Job, claimed: Job, claim_id: str, publisher: Publisher, person: str
) -> None:
    log = read_log(draft, claimed.id, claimed.attempt)
    log.append(
        Transition.of_job(
            claimed,
            own_id=f"{claim_id}-{claimed.id}-{claimed.token}-{State.RUNNING}",
            builder=publisher.profile.id,
            from_state=before.state,
            at=claimed.started_at or publisher.now,
            reason=f"claimed by {publisher.profile.id}"
            + (f", requested by {person}" if person else ""),
            details={"by": person} if person else {},
        )
    )
    write_log(draft, claimed.id, claimed.attempt, log)
