"""Whether records belong to an existing job, in the queue or in the archive."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from coordination_tasks.documents.paths import (
    TRANSITIONS,
    job_of_manifest,
    logs_folder,
    plan_path,
    quoted,
)
from coordination_tasks.documents.transitions import TransitionLog
from coordination_tasks.domain.errors import BrokenDocument, NotFound
from coordination_tasks.domain.model import Job, Transition, is_builder_id
from coordination_tasks.fsck.finding import Finding
from coordination_tasks.store.plans import PLAN_KEY
from coordination_tasks.store.snapshot import Snapshot

_GONE = (
    "see how it was removed: git log -p -- coordination/jobs.json; restore its entry or ignore it"
)


def check_references(snapshot: Snapshot) -> Iterator[Finding]:
    """Records of jobs that do not exist. Raises BrokenDocument when the queue is unreadable."""
    known = {quoted(job.id) for job in snapshot.jobs()}
    for folder in _transition_folders(snapshot):
        name = folder.rpartition("/")[2]
        if name not in known and not _is_there(snapshot, _job_of(snapshot, folder)):
            problem = f"{folder}: transitions of a job that does not exist"
            yield Finding(path=folder, problem=problem, remedy=_GONE)
    for builder in filter(is_builder_id, snapshot.names("")):
        yield from _check_manifests(snapshot, builder, known)


def check_attempt(snapshot: Snapshot, job: Job) -> Iterator[Finding]:
    """Whether transitions and plans of a job's attempts exist, and belong to it."""
    logs = snapshot.logs(job.id)
    for attempt, log in sorted(logs.items()):
        path = log.path
        for move in TransitionLog(log.data).transitions:
            if (move.job, move.attempt) != (job.id, attempt):
                owner = f"job {move.job} attempt {move.attempt}"
                problem = f"{path}: transition {move.id} belongs to {owner}"
                yield Finding(path=path, problem=problem, remedy=f"see the history of {path}")
            yield from _check_plan(snapshot, path, move)
    if job.token and job.attempt and job.attempt not in logs:
        problem = f"job {job.id} has attempt {job.attempt}, but its transitions are missing"
        remedy = f"see how they were removed: git log --stat -- {TRANSITIONS}"
        yield Finding(path=TRANSITIONS, problem=f"{TRANSITIONS}: {problem}", remedy=remedy)


def _check_plan(snapshot: Snapshot, log: str, move: Transition) -> Iterator[Finding]:
    digest = move.details.get(PLAN_KEY)
    if isinstance(digest, str) and snapshot.plan(digest) is None:
        path = plan_path(digest) or log
        problem = f"{path}: the plan of {log} is missing or was changed"
        remedy = f"see the history of {path}; builders run only their own copies of plans"
        yield Finding(path=path, problem=problem, remedy=remedy)


def _transition_folders(snapshot: Snapshot) -> Iterator[str]:
    for spread in snapshot.names(TRANSITIONS):
        for name in snapshot.names(f"{TRANSITIONS}/{spread}"):
            yield f"{TRANSITIONS}/{spread}/{name}"


def _job_of(snapshot: Snapshot, folder: str) -> str:
    """The job that the lines of a folder name: folder names may be shortened."""
    for name in snapshot.names(folder):
        for move in TransitionLog(snapshot.read(f"{folder}/{name}")).transitions:
            return move.job
    return unquote(folder.rpartition("/")[2])


def _check_manifests(snapshot: Snapshot, builder: str, known: set[str]) -> Iterator[Finding]:
    for name in snapshot.names(logs_folder(builder)):
        job_id = (job_of_manifest(name) or ("=",))[0]
        if "=" in job_id or job_id in known:
            continue  # a file name has only the start of a long id
        if not _is_there(snapshot, unquote(job_id)):
            path = f"{logs_folder(builder)}/{name}"
            problem = f"{path}: manifest of a job that does not exist"
            yield Finding(path=path, problem=problem, remedy=_GONE)


def _is_there(snapshot: Snapshot, job_id: str) -> bool:
    try:
        snapshot.job(job_id)
    except NotFound:
        return False
    except BrokenDocument:
        return True  # its entry is reported as broken
    return True
