"""Stalled records: jobs of missing builders, builders with missing jobs, locks without an end.

No two clocks are compared for a job: its builder's silence is measured by this machine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta

from common.states import State
from coordination_tasks.builder.claim_intent import abandoned_job
from coordination_tasks.documents.builder_status import other_work, read_status
from coordination_tasks.documents.locks import DEFAULT_LIFE, QUEUE_LOCK, Lock
from coordination_tasks.documents.paths import JOBS, LOCKS, status_path
from coordination_tasks.domain.errors import BrokenDocument, NotFound
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.timestamps import format_time
from coordination_tasks.farm.presence.observations import SILENT, Presence
from coordination_tasks.fsck.finding import Finding
from coordination_tasks.store.snapshot import Snapshot

_CLOCK_ERROR = timedelta(hours=1)
"""No clock is off by more: a lock that expired so long ago is expired."""
_REQUEUES = "doit fsck --repair or a watching builder requeues it when its lease has expired"


def check_stalled(
    snapshot: Snapshot, presences: Mapping[str, Presence], *, now: datetime
) -> Iterator[Finding]:
    """Stalled jobs and locks. Raises BrokenDocument when the queue itself is unreadable."""
    for job in stalled_jobs(snapshot, presences):
        problem = f"{JOBS}: running job {job.id} is held {_by_whom(job, presences)}"
        yield Finding(path=JOBS, problem=problem, remedy=_REQUEUES)
    for builder in snapshot.builders():
        yield from _check_status(snapshot, builder)
    yield from _check_locks(snapshot, now)


def check_killed(
    snapshot: Snapshot, claim_id: str | None, ended: Collection[str]
) -> Iterator[Finding]:
    """The job of a build that was killed on this builder and left `claim_id` behind.

    `ended` are jobs whose end waits to be sent. Raises BrokenDocument when the queue itself is
    unreadable.
    """
    job = abandoned_job(snapshot.jobs(), claim_id) if claim_id else None
    if job is not None and job.id not in ended:
        yield Finding(
            path=JOBS,
            problem=f"{JOBS}: running job {job.id} is held by a killed build of this builder",
            remedy="doit fsck --repair, doit watch or the next doit build releases it",
        )


def check_denied(snapshot: Snapshot, told: Mapping[str, bytes]) -> Iterator[Finding]:
    """Running jobs that their builder's heartbeat says it does not build.

    `told` is status.json in the heartbeats, by builder. Raises like `check_stalled`.
    """
    for job, denial in denied_jobs(snapshot, told):
        what = f"running on {job.assigned_to}, which says that it {denial}"
        yield Finding(path=JOBS, problem=f"{JOBS}: job {job.id} is {what}", remedy=_REQUEUES)


def denied_jobs(snapshot: Snapshot, told: Mapping[str, bytes]) -> tuple[tuple[Job, str], ...]:
    """Those jobs, each with what the builder says that it does instead."""
    running = (job for job in snapshot.jobs() if job.state is State.RUNNING and job.claim_id)
    found = ((job, _denial(snapshot, job, told)) for job in running)
    return tuple((job, denial) for job, denial in found if denial)


def check_dropped(snapshot: Snapshot) -> Iterator[Finding]:
    """Running jobs of older programs whose builder publishes that it does something else."""
    for job in snapshot.jobs():
        if job.state is not State.RUNNING or job.claim_id or not job.assigned_to:
            continue
        try:
            denial = other_work(snapshot.builder_status(job.assigned_to), job)
        except (BrokenDocument, NotFound):
            continue
        if denial:
            yield Finding(
                path=JOBS,
                problem=f"{JOBS}: job {job.id} is running on {job.assigned_to}, an older program"
                f" that says that it {denial}",
                remedy=f"doit release {job.id}",
            )


def _denial(snapshot: Snapshot, job: Job, told: Mapping[str, bytes]) -> str:
    builder = job.assigned_to or ""
    try:
        published = snapshot.builder_status(builder).timestamp
        status = read_status(builder, told[builder], None)
    except (BrokenDocument, NotFound, KeyError):
        return ""
    # two times of one clock: what it said before it claimed the job does not count
    is_later = status.timestamp and published and status.timestamp > published
    return other_work(status, job) if is_later else ""


def stalled_jobs(snapshot: Snapshot, presences: Mapping[str, Presence]) -> tuple[Job, ...]:
    """Running jobs without a heartbeat of their builder for a lease, as seen from this machine."""
    running = (job for job in snapshot.jobs() if job.state is State.RUNNING)
    return tuple(job for job in running if not _may_live(presences.get(job.assigned_to or "")))


def _may_live(presence: Presence | None) -> bool:
    return presence is not None and presence.liveness != SILENT


def tells_of_lost_job(snapshot: Snapshot, builder: str) -> str:
    """The problem of the job in a builder's status; "": none. Raises like `job`."""
    current = snapshot.builder_status(builder).current_job
    job_id = current.get("id") if current else None
    if not isinstance(job_id, str):
        return ""
    try:
        job = snapshot.job(job_id)
    except NotFound:
        return f"reports building job {job_id}, which does not exist"
    if job.state is State.RUNNING and job.assigned_to == builder:
        return ""
    holder = f" on {job.assigned_to}" if job.state is State.RUNNING else ""
    return f"reports building job {job_id}, which is {job.state}{holder}"


def _check_status(snapshot: Snapshot, builder: str) -> Iterator[Finding]:
    try:
        problem = tells_of_lost_job(snapshot, builder)
    except BrokenDocument:
        return  # reported with its document
    if problem:
        path = status_path(builder)
        remedy = f"the next build on builder {builder}, or `doit fsck --repair` there, corrects it"
        yield Finding(path=path, problem=f"{path}: {problem}", remedy=remedy)


def _by_whom(job: Job, presences: Mapping[str, Presence]) -> str:
    if not job.assigned_to:
        return "by nobody"
    presence = presences.get(job.assigned_to)
    if presence is None:
        return f"by builder {job.assigned_to}, which never published anything"
    silent = timedelta(seconds=round(presence.still_for_seconds))
    return f"by builder {job.assigned_to}: no heartbeat for {silent}"


def _check_locks(snapshot: Snapshot, now: datetime) -> Iterator[Finding]:
    try:
        locks = snapshot.locks()
    except BrokenDocument:
        return  # reported with its document
    for lock in locks:
        who = f"{LOCKS}: lock {lock.name} held by {lock.locked_by}"
        if is_long_over(lock, now):
            remedy = "doit fsck --repair or doit locks --free-expired releases it and warns all"
            yield Finding(
                path=LOCKS, problem=f"{who} has expired, but is not released", remedy=remedy
            )
        elif lock.name == QUEUE_LOCK and _is_too_long(lock, now):
            end = format_time(lock.expires_at) if lock.expires_at else "?"
            remedy = f"ask its holder, or: doit locks --free {lock.name} --builder NAME"
            problem = f"{who} blocks the queue for all others until {end}"
            yield Finding(path=LOCKS, problem=problem, remedy=remedy)


def is_long_over(lock: Lock, now: datetime) -> bool:
    """Whether a lock has expired, whatever its holder's clock says."""
    return not lock.is_live(now - _CLOCK_ERROR)


def _is_too_long(lock: Lock, now: datetime) -> bool:
    return lock.is_live(now + DEFAULT_LIFE + _CLOCK_ERROR)
