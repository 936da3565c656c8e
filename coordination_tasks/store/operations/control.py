"""A person's actions on a job from any machine: cancel, retry, hold; pure changes of a draft."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from common.states import State
from coordination_tasks.documents.jobs import read_jobs, write_jobs
from coordination_tasks.domain.errors import Conflict
from coordination_tasks.domain.model import Job, check_builder_id
from coordination_tasks.domain.secret_scan import refuse_secrets
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.operations.attempt import requeued
from coordination_tasks.store.operations.moves import log_broken_off, log_move
from coordination_tasks.store.operations.queue import check_priority

ANY_BUILDER = "any"
"""Instead of a builder's id: every builder that matches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The acting person, and the builder as which they act; both are recorded."""

    person: str
    builder: str
    now: datetime

    @property
    def details(self) -> dict[str, object]:
        """Details of a transition."""
        return {"by": self.person}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChange:
    """Changes of a queued job; None: unchanged."""

    priority: int | None = None
    wanted_builder: str | None = None
    """Id of the only builder that may claim it, or ANY_BUILDER."""
    hold: bool | None = None


def cancel(draft: Draft, job_id: str, reason: str, actor: Actor) -> Job:
    """Cancel a queued or running job; its builder loses the claim. Raises NotFound, Conflict."""
    jobs = read_jobs(draft)
    job = jobs.require(job_id)
    if job.state is State.CANCELLED:
        return job
    if job.state not in {State.QUEUED, State.RUNNING}:
        raise Conflict(f"job {job_id} has already ended: {job.state}")
    refuse_secrets("the reason", reason)
    ended = replace(
        job,
        state=State.CANCELLED,
        token=job.token + 1,
        claim_id=None,
        reason=f"cancelled by {actor.person}{f': {reason}' if reason else ''}",
        completed_at=actor.now,
        held="",
    )
    jobs.put(ended)
    write_jobs(draft, jobs)
    if job.state is State.RUNNING:
        log_broken_off(draft, job, ended, by=actor.builder, now=actor.now)
    _log(draft, job, ended, actor)
    draft.note(f"{actor.builder}: cancel {job_id}")
    return ended


def retry(draft: Draft, job_id: str, wanted_builder: str | None, actor: Actor) -> Job:
    """Queue a failed, timed-out or cancelled job again, for its next attempt.

    If `wanted_builder` is None, the job's builder is unchanged. A queued job is unchanged. Raises
    NotFound, Conflict (it runs, or has succeeded), BadRequest.
    """
    jobs = read_jobs(draft)
    job = jobs.require(job_id)
    if job.state is State.RUNNING:
        raise Conflict(
            f"job {job_id} is running on {job.assigned_to}."
            f" Cancel it first with `doit cancel {job_id}`."
        )
    if job.state is State.SUCCEEDED:
        raise Conflict(
            f"job {job_id} has succeeded. Build it again here with `doit rerun {job_id}`."
        )
    if job.state is State.QUEUED:
        return job
    waits = replace(
        requeued(job, f"retried by {actor.person}"),
        wanted_builder=_wanted(job, wanted_builder),
        completed_at=None,
        duration_seconds=None,
    )
    jobs.put(waits)
    write_jobs(draft, jobs)
    _log(draft, job, waits, actor)
    draft.note(f"{actor.builder}: retry {job_id}")
    return waits


def change_job(draft: Draft, job_id: str, change: JobChange, actor: Actor) -> Job:
    """Change the settings of a queued job. Raises NotFound, Conflict, BadRequest."""
    jobs = read_jobs(draft)
    job = jobs.require(job_id)
    if job.state is not State.QUEUED:
        raise Conflict(f"job {job_id} is not queued: it is {job.state}")
    priority = job.priority if change.priority is None else change.priority
    check_priority(priority)
    held = job.held
    if change.hold is not None:
        held = (held or f"held by {actor.person}") if change.hold else ""
    changed = replace(
        job,
        priority=priority,
        wanted_builder=_wanted(job, change.wanted_builder),
        held=held,
    )
    if changed != job:
        jobs.put(changed)
        write_jobs(draft, jobs)
        draft.note(f"{actor.builder}: change {job_id}, by {actor.person}")
    return changed


def _wanted(job: Job, wanted_builder: str | None) -> str | None:
    if wanted_builder is None:
        return job.wanted_builder
    if wanted_builder == ANY_BUILDER:
        return None
    check_builder_id(wanted_builder)
    return wanted_builder


def _log(draft: Draft, before: Job, after: Job, actor: Actor) -> None:
    log_move(draft, before, after, by=actor.builder, now=actor.now, details=actor.details)
