"""A builder leaves the farm for good: what it holds, and how that is given back. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from common.states import State
from coordination_tasks.documents.archive_files import Files
from coordination_tasks.documents.drains import end_drain, read_drains
from coordination_tasks.documents.jobs import JobsDocument
from coordination_tasks.documents.locks import free_lock, read_locks
from coordination_tasks.documents.paths import (
    DRAINS,
    JOBS,
    LOCKS,
    heartbeat_path,
    running_logs_path,
    status_path,
)
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


def _ids(jobs: Iterable[Job]) -> tuple[str, ...]:
    return tuple(job.id for job in jobs)
