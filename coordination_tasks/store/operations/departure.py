"""A builder leaves the farm for good, or under another id: what it holds, who gets it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from common.states import State
from coordination_tasks.documents.archive_files import Files
from coordination_tasks.documents.builder_status import renamed_status
from coordination_tasks.documents.drains import end_drain, move_drain, read_drains
from coordination_tasks.documents.jobs import JobsDocument, keep_request, read_jobs, write_jobs
from coordination_tasks.documents.locks import free_lock, hand_over, read_locks
from coordination_tasks.documents.messages import readdress
from coordination_tasks.documents.paths import (
    DRAINS,
    JOBS,
    LOCKS,
    heartbeat_path,
    running_logs_path,
    status_path,
)
from coordination_tasks.domain.errors import Conflict
from coordination_tasks.domain.model import Job
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.operations.control import Actor, release


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What the documents know of a builder."""

    running: tuple[str, ...]
    """Jobs that it runs by the queue."""
    bound: tuple[str, ...]
    """Queued jobs that only it may claim."""
    locks: tuple[str, ...]
    drain: str
    """Who drained it; "": nobody."""
    files: tuple[str, ...]
    """Its status and heartbeat; logs and manifests of its jobs are not among them."""

    @property
    def is_known(self) -> bool:
        """Whether the documents know it at all."""
        return any((self.running, self.bound, self.locks, self.drain, self.files))


def holdings(files: Files, builder: str) -> Holdings:
    """What the builder holds. Raises BrokenDocument."""
    jobs = tuple(JobsDocument(files.read(JOBS)))
    drain = read_drains(files.read(DRAINS)).get(builder)
    own = (status_path(builder), heartbeat_path(builder), running_logs_path(builder))
    return Holdings(
        running=_ids(j for j in jobs if j.state is State.RUNNING and j.assigned_to == builder),
        bound=_ids(j for j in jobs if j.state is State.QUEUED and j.only_builder == builder),
        locks=tuple(k.name for k in read_locks(files.read(LOCKS)) if k.locked_by == builder),
        drain=str(drain) if drain else "",
        files=tuple(path for path in own if files.read(path) is not None),
    )


def leave(draft: Draft, builder: str, actor: Actor) -> Holdings:
    """Queue its running jobs again, free its locks, and remove what it published of itself.

    Logs and manifests stay: they belong to jobs. Raises NotFound, Conflict, BrokenDocument.
    """
    found = holdings(draft, builder)
    for job_id in found.running:
        release(draft, job_id, f"builder {builder} left the farm", actor, force=True)
    for name in found.locks:
        free_lock(draft, name, by=builder, person=actor.person)
    if found.drain:
        end_drain(draft, builder, by=actor.person)
    for path in found.files:
        draft.delete(path)
    if found.is_known:
        draft.note(f"{actor.builder}: builder {builder} leaves the farm, by {actor.person}")
    return found


def rename(draft: Draft, builder: str, new: str, actor: Actor) -> Holdings:
    """What the builder holds becomes that of its `new` id; records of its jobs keep the old one.

    Without effect when the documents do not know it, because it was renamed before. Raises Conflict
    while it runs a job or when they know the new id, BrokenDocument.
    """
    found = holdings(draft, builder)
    if not found.is_known:
        return found
    if found.running:
        raise Conflict(
            f"builder {builder} runs job {found.running[0]}. Drain it, and wait for the job's end;"
            f" if it is dead, `doit release {found.running[0]} --force` queues the job again."
        )
    if holdings(draft, new).is_known:
        raise Conflict(f"builder id {new} is taken. Choose another one.")
    jobs = read_jobs(draft)
    for job_id in found.bound:
        job = jobs.require(job_id)
        moved = replace(
            job,
            wanted_builder=new if job.wanted_builder == builder else job.wanted_builder,
            assigned_to=new if job.assigned_to == builder else job.assigned_to,
        )
        jobs.put(moved)
        keep_request(draft, moved)
    if found.bound:
        write_jobs(draft, jobs)
    hand_over(draft, builder, new)
    move_drain(draft, builder, new)
    readdress(draft, builder, new)
    status = draft.read(status_path(builder))
    if status is not None:
        draft.write(status_path(new), renamed_status(status, builder, new))
    for path in found.files:
        draft.delete(path)
    draft.note(f"{actor.builder}: builder {builder} is now {new}, by {actor.person}")
    return found


def _ids(jobs: Iterable[Job]) -> tuple[str, ...]:
    return tuple(job.id for job in jobs)
