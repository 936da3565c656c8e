"""Changes of the queue outside an attempt, as pure changes of a draft."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from common.states import State
from common.yaml.size import format_size
from coordination_tasks.documents import json_edit
from coordination_tasks.documents.codec import is_same_request
from coordination_tasks.documents.jobs import keep_request, read_jobs, write_jobs
from coordination_tasks.documents.paths import JOBS
from coordination_tasks.documents.transitions import time_of_change
from coordination_tasks.domain.errors import BadRequest, IdTaken
from coordination_tasks.domain.model import MAX_ID_LENGTH, Job, is_commit_id, is_job_id
from coordination_tasks.domain.secret_scan import refuse_secrets
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.operations.attempt import RESTORED, given_back, last_attempt
from coordination_tasks.store.operations.moves import log_broken_off, log_move
from coordination_tasks.store.plans import PERSON_KEY

_PRIORITIES = range(1, 11)
_LONGEST_TEXT = 10_000
_MOST_BYTES = json_edit.MAX_BYTES // 2
_COUNTS = frozenset({State.QUEUED, State.RUNNING, State.SUCCEEDED})
"""States in which a job makes a second one for its commit superfluous."""


def enqueue(draft: Draft, job: Job, *, now: datetime, fresh: bool = False) -> Job:
    """Add a job to the queue; returns the stored job. The same request twice is one job.

    With `fresh` the id was made up, so that the same request under it is another one. Raises
    BadRequest, also when the queue is full, and IdTaken when another request has the id.
    """
    check_request(job)
    jobs = read_jobs(draft)
    stored = jobs.find(job.id)
    if stored is not None:
        if not fresh and is_same_request(job, stored):
            return stored
        raise IdTaken(f"job id {job.id} is already taken by a different request")
    added = replace(job, created_at=job.created_at or now)
    jobs.put(added)
    write_jobs(draft, jobs)
    _check_size(draft)
    keep_request(draft, added)
    draft.note(f"enqueue {job.id}")
    return added


def _check_size(draft: Draft) -> None:
    """Raise BadRequest when a job more would take the room of what happens to the others."""
    size = len(draft.read(JOBS) or b"")
    if size > _MOST_BYTES:
        raise BadRequest(
            f"the queue is full: {JOBS} would have {format_size(size)}, at most"
            f" {format_size(_MOST_BYTES)}. Archive finished jobs with `doit housekeeping`, or"
            " cancel some that wait."
        )


def enqueue_if_new(draft: Draft, job: Job, *, now: datetime, fresh: bool) -> Job:
    """Like `enqueue`, unless a job for the same commit is queued, runs or has succeeded.

    Then returns that job. `job` has a commit.
    """
    for other in read_jobs(draft):
        if other.state in _COUNTS and not other.reproduces and _builds_the_same(other, job):
            return other
    return enqueue(draft, job, now=now, fresh=fresh)


def _builds_the_same(other: Job, job: Job) -> bool:
    commit = other.commit or (job.commit if other.branch == job.branch else None)
    return (other.pipeline, other.type, dict(other.params), commit) == (
        job.pipeline,
        job.type,
        dict(job.params),
        job.commit,
    )


def reap(
    draft: Draft,
    job_id: str,
    seen_token: int,
    reason: str,
    *,
    by: str,
    now: datetime,
    person: str = "",
) -> Job | None:
    """Take a running job from a builder that was seen to be dead at `seen_token`, for `person`.

    The job is queued again, or fails after its last attempt; if it had ended before, it is as it
    was then. Returns it; None if its token has changed: it is another's by now. Raises NotFound.
    """
    jobs = read_jobs(draft)
    job = jobs.require(job_id)
    if job.state is not State.RUNNING or job.token != seen_token:
        return None
    now = time_of_change(draft, job, now)
    reason += f", requested by {person}" if person else ""
    after = given_back(draft, job, reason)
    restored = after.state is not State.QUEUED
    if not restored and (why := last_attempt(job, reason)):
        after = replace(after, state=State.FAILED, reason=why, completed_at=now)
    jobs.put(after)
    write_jobs(draft, jobs)
    shown = replace(after, reason=f"{reason}; the job stays {after.state}") if restored else after
    log_broken_off(draft, job, shown, by=by, now=now)
    details = (RESTORED if restored else {}) | ({PERSON_KEY: person} if person else {})
    log_move(draft, job, shown, by=by, now=now, details=details)
    draft.note(f"{by}: take {job_id} from dead builder {job.assigned_to}: {after.state}")
    return after


def check_priority(priority: int) -> None:
    """Raise BadRequest unless a job may have this priority."""
    if priority not in _PRIORITIES:
        raise BadRequest(f"invalid priority {priority}: expected 1 (first) to 10")


def check_request(job: Job) -> None:
    """Raise BadRequest, or SecretFound, unless the job can be queued."""
    if not is_job_id(job.id):
        raise BadRequest(
            f"invalid job id {job.id[:80]!r}: use 1 to {MAX_ID_LENGTH} printable characters"
        )
    check_priority(job.priority)
    if job.state is not State.QUEUED:
        raise BadRequest(f"invalid state {job.state} of a new job: expected queued")
    if job.commit is not None and not is_commit_id(job.commit):
        raise BadRequest(f"invalid commit id {job.commit[:80]!r}")
    if job.max_attempts < 1:
        raise BadRequest(f"invalid number of attempts {job.max_attempts}: expected 1 or more")
    if job.id in job.dependencies:
        raise BadRequest(f"job {job.id} depends on itself")
    _check_texts(job)


def _check_texts(job: Job) -> None:
    texts = (
        job.pipeline or "",
        job.branch or "",
        job.type,
        job.description,
        *job.labels,
        *job.dependencies,
        *job.params,
        *job.params.values(),
    )
    for text in texts:
        refuse_secrets(f"the request for job {job.id}", text)
        if len(text) > _LONGEST_TEXT:
            raise BadRequest(f"text {text[:80]!r}… is too long: {len(text)} characters")
        if "\0" in text or not _is_unicode(text):
            raise BadRequest(f"text {text[:80]!r} contains characters that no document can store")


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
