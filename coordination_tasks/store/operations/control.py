"""A person's actions on a job from any machine: cancel, retry, hold; pure changes of a draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from common.states import UNFINISHED, State
from coordination_tasks.documents.builder_status import other_work_in
from coordination_tasks.documents.jobs import keep_request, read_jobs, write_jobs
from coordination_tasks.documents.paths import status_path
from coordination_tasks.documents.transitions import read_log, time_of_change
from coordination_tasks.domain.errors import BadRequest, Conflict
from coordination_tasks.domain.model import Job, check_builder_id, is_builder_id
from coordination_tasks.domain.secret_scan import refuse_secrets
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.operations.attempt import given_back, requeued
from coordination_tasks.store.operations.moves import log_broken_off, log_move
from coordination_tasks.store.operations.queue import check_priority
from coordination_tasks.store.plans import FROM_STEP_KEY, PERSON_KEY, REPLAN_KEY

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
        return {PERSON_KEY: self.person}


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAttempt:
    """How the next attempt of a job that is queued again differs from the one before."""

    wanted_builder: str | None = None
    """Id of the only builder that may claim it, or ANY_BUILDER; None: unchanged."""
    replan: bool = False
    """Plan it from the pipelines file of the builder that claims it."""
    from_step: str = ""
    """Run this step and all steps that need it, even if they are up to date."""

    @property
    def details(self) -> dict[str, object]:
        """Details of the transition that queues the job."""
        replan = {REPLAN_KEY: True} if self.replan else {}
        return replan | ({FROM_STEP_KEY: self.from_step} if self.from_step else {})


LIKE_THE_LAST = NextAttempt()


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
    if job.state not in UNFINISHED:
        raise Conflict(f"job {job_id} has already ended: {job.state}")
    refuse_secrets("the reason", reason)
    ended = replace(
        job,
        state=State.CANCELLED,
        token=job.token + 1,
        claim_id=None,
        reason=f"cancelled by {actor.person}{f': {reason}' if reason else ''}",
        completed_at=time_of_change(draft, job, actor.now),
        held="",
    )
    jobs.put(ended)
    write_jobs(draft, jobs)
    if job.state is State.RUNNING:
        log_broken_off(draft, job, ended, by=actor.builder, now=actor.now)
    _log(draft, job, ended, actor)
    draft.note(f"{actor.builder}: cancel {job_id}")
    return ended


def release(draft: Draft, job_id: str, reason: str, actor: Actor, *, force: bool) -> Job:
    """Queue a running job again, whose builder says that it does something else, or with `force`.

    The builder loses the claim. Raises NotFound, Conflict.
    """
    jobs = read_jobs(draft)
    job = jobs.require(job_id)
    if job.state is not State.RUNNING:
        raise Conflict(f"job {job_id} is not running: its state is {job.state}")
    if not force and not _denial(draft, job):
        raise Conflict(
            f"builder {job.assigned_to} does not say that it does something else."
            f" Cancel the job, or release it with --force."
        )
    refuse_secrets("the reason", reason)
    told = f"released by {actor.person}{f': {reason}' if reason else ''}"
    after = given_back(draft, job, told)
    jobs.put(after)
    write_jobs(draft, jobs)
    log_broken_off(draft, job, after, by=actor.builder, now=actor.now)
    _log(draft, job, after, actor)
    draft.note(f"{actor.builder}: release {job_id} from builder {job.assigned_to}")
    return after


def _denial(draft: Draft, job: Job) -> str:
    builder = job.assigned_to or ""
    data = draft.read(status_path(builder)) if is_builder_id(builder) else None
    return other_work_in(data, job) if data else "has no status"


def retry(draft: Draft, job_id: str, following: NextAttempt, actor: Actor) -> Job:
    """Queue a failed, timed-out or cancelled job again, for its next attempt.

    A queued job is unchanged, unless its next attempt is to differ: then it is cancelled first.
    Raises NotFound, Conflict (it runs, or has succeeded), BadRequest.
    """
    job = read_jobs(draft).require(job_id)
    if job.state is State.RUNNING:
        raise Conflict(
            f"job {job_id} is running on {job.assigned_to}."
            f" Cancel it first with `doit cancel {job_id}`."
        )
    if job.state is State.SUCCEEDED:
        raise Conflict(
            f"job {job_id} has succeeded. Build it again here with `doit rerun {job_id}`."
        )
    if following.from_step and not following.replan:
        _check_step(draft, job, following.from_step)
    if job.state is State.QUEUED:
        if not following.details or not job.attempt:
            return job
        job = cancel(draft, job_id, "to change its next attempt", actor)
    waits = replace(
        requeued(job, f"retried by {actor.person}"),
        wanted_builder=_wanted(job, following.wanted_builder),
        completed_at=None,
        duration_seconds=None,
    )
    jobs = read_jobs(draft)
    jobs.put(waits)
    write_jobs(draft, jobs)
    keep_request(draft, waits)
    _log(draft, job, waits, actor, following.details)
    draft.note(f"{actor.builder}: retry {job_id}")
    return waits


def change_job(draft: Draft, job_id: str, change: JobChange, actor: Actor) -> Job:
    """Change the settings of a queued job. Raises NotFound, Conflict, BadRequest."""
    jobs = read_jobs(draft)
    job = jobs.require(job_id)
    if job.state is not State.QUEUED:
        raise Conflict(f"job {job_id} is not queued: its state is {job.state}")
    priority = job.priority if change.priority is None else change.priority
    check_priority(priority)
    held = job.held
    if change.hold is not None:
        held = (held or f"held by {actor.person}") if change.hold else ""
    changed = replace(
        job,
        priority=priority,
        wanted_builder=_wanted(job, change.wanted_builder),
        assigned_to=job.assigned_to if change.wanted_builder is None else None,
        held=held,
    )
    if changed != job:
        changed = replace(changed, reason=f"set by {actor.person}: {_what_changed(job, changed)}")
        jobs.put(changed)
        write_jobs(draft, jobs)
        keep_request(draft, changed)
        draft.note(f"{actor.builder}: change {job_id}, by {actor.person}")
    return changed


def _what_changed(before: Job, after: Job) -> str:
    found = []
    if after.priority != before.priority:
        found.append(f"priority {after.priority}")
    if after.only_builder != before.only_builder:
        found.append(f"only for {after.only_builder}" if after.only_builder else "any builder")
    if after.held != before.held:
        found.append("held" if after.held else "released")
    return ", ".join(found)


def _wanted(job: Job, wanted_builder: str | None) -> str | None:
    if wanted_builder is None:
        return job.wanted_builder
    if wanted_builder == ANY_BUILDER:
        return None
    check_builder_id(wanted_builder)
    return wanted_builder


def _check_step(draft: Draft, job: Job, step: str) -> None:
    """Raise BadRequest if the latest attempt of the job recorded steps, but not this one."""
    log = read_log(draft, job.id, job.attempt)
    known = list(dict.fromkeys(t.step for t in log.transitions if t.step))
    if known and step not in known:
        raise BadRequest(f"unknown step {step[:60]!r} of job {job.id} (known: {', '.join(known)})")


def _log(
    draft: Draft,
    before: Job,
    after: Job,
    actor: Actor,
    details: Mapping[str, object] = MappingProxyType({}),
) -> None:
    told = {**actor.details, **details}
    log_move(draft, before, after, by=actor.builder, now=actor.now, details=told)
