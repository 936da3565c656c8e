"""The facts of an earlier version that a rewritten main lacks: named, and put back.

A squashed main lacks nothing. A finished job that is no longer in the queue is looked for in the
archive; transitions, manifests and archived records are compared, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from common.states import UNFINISHED
from coordination_tasks.documents.archive import joined_lines, months
from coordination_tasks.documents.archive_files import ArchivedFiles, archived_entry
from coordination_tasks.documents.jobs import JobsDocument, read_jobs, write_jobs
from coordination_tasks.documents.paths import (
    ALERTS,
    ARCHIVE,
    DRAINS,
    MESSAGES,
    PLANS,
    PUBLICATIONS,
    TRANSITIONS,
    TRIGGERS,
    archived_log_path,
    heartbeat_path,
    logs_folder,
    request_path,
    status_path,
    transitions_path,
)
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import Job
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.snapshot import Snapshot, attempt_logs

_PUT_BACK = "claimed twice, since main was rewritten in between"


def put_back(draft: Draft, before: Snapshot) -> tuple[str, ...]:
    """Put back into the draft what `before` has and it lacks; returns these facts, a line each.

    Raises BrokenDocument when the draft's queue is unreadable, VersionGone.
    """
    return (
        *_put_back_jobs(draft, before),
        *_put_back_transitions(draft, before),
        *_put_back_files(draft, before),
        *_put_back_archive(draft, before),
    )


def lost_since(seen: Mapping[str, tuple[int, bool]], queue: JobsDocument) -> tuple[str, ...]:
    """The facts that are lost by what is known of the jobs: token, and whether it was unfinished.

    `queue` is main's, with its archive.
    """
    lost = []
    for job_id, (token, unfinished) in seen.items():
        try:
            problem = _loss_of(token, unfinished=unfinished, now=queue.find(job_id))
        except BrokenDocument:
            problem = "is unreadable"
        if problem:
            lost.append(f"job {job_id} {problem}")
    return tuple(lost)


def _loss_of(token: int, *, unfinished: bool, now: Job | None) -> str:
    """What a job that had this token lost, if it is `now` this; "": nothing."""
    if now is None:
        return f"is missing ({'unfinished' if unfinished else 'finished'})"
    if now.token < token:
        return f"went back from fencing token {token} to {now.token}"
    if now.token == token and not unfinished and now.state in UNFINISHED:
        return f"had ended, and is {now.state} again"
    return ""


def _put_back_jobs(draft: Draft, before: Snapshot) -> Iterator[str]:
    jobs = read_jobs(draft)
    for job in _jobs_of(before):
        try:
            now = jobs.find(job.id)
        except BrokenDocument:
            now = None
        entry = dict(before.queue.entry(job.id))
        lost = _loss_of(job.token, unfinished=job.state in UNFINISHED, now=now)
        if now and now.token == job.token and job.claim_id and now.claim_id != job.claim_id:
            lost = f"was claimed twice: by {job.assigned_to}, and by {now.assigned_to}"
            entry = {**_settled(entry, job, now), "id": job.id, "token": job.token + 1}
        if lost:
            jobs.put_entry(entry)
            yield f"job {job.id} {lost}"
    write_jobs(draft, jobs)


def _settled(entry: dict[str, object], job: Job, now: Job) -> dict[str, object]:
    """The members of a job with one token of two claims: an end counts, else it is built again."""
    if now.state not in UNFINISHED:
        return {}
    if job.state not in UNFINISHED:
        return entry
    free = {"assigned_to": None, "claim_id": None, "started_at": None}
    return {**free, "status": "queued", "reason": _PUT_BACK}


def _put_back_transitions(draft: Draft, before: Snapshot) -> Iterator[str]:
    archived = ArchivedFiles(draft)
    for job in _jobs_of(before):
        there = attempt_logs(archived, job.id)
        for number, log in sorted(before.logs(job.id).items()):
            known = there[number].data if number in there else b""
            lost = _lines(log.data) - _lines(known)
            if lost:
                path = transitions_path(job.id, number)
                draft.write(path, joined_lines(log.data, draft.read(path) or b""))
                yield f"job {job.id}, attempt {number}: {len(lost)} transitions are missing"


def _put_back_files(draft: Draft, before: Snapshot) -> Iterator[str]:
    """What the farm agreed on, plans, requests, and what builders published of attempts.

    Of a missing status nothing is said: its builder publishes it again.
    """
    archived = ArchivedFiles(draft)
    shared = (ALERTS, DRAINS, MESSAGES, PUBLICATIONS, TRIGGERS)
    paths = [path for path in shared if draft.read(path) is None]
    for folder in (f"{PLANS}/{name}" for name in before.names(PLANS)):
        paths += [f"{folder}/{name}" for name in before.names(folder)]
    # the archive of a job has no request
    in_queue = {job.id for job in read_jobs(draft)}
    paths += [request_path(job.id) for job in _jobs_of(before) if job.id in in_queue]
    for builder in before.builders():
        for path in (status_path(builder), heartbeat_path(builder)):
            data = before.read(path)
            if data is not None and draft.read(path) is None:
                draft.write(path, data)
        folder = logs_folder(builder)
        paths += [
            f"{folder}/{name}"
            for name in before.names(folder)
            if not _is_archived(archived, builder, name)
        ]
    for path in paths:
        data = before.read(path)
        if data is not None and draft.read(path) is None:
            draft.write(path, data)
            yield f"{path} is missing"


def _is_archived(archived: ArchivedFiles, builder: str, name: str) -> bool:
    path = f"{logs_folder(builder)}/{name}"
    return any(
        any(at == path for at, _ in archived.find(month, path, path))
        or archived.files.read(archived_log_path(month, builder, name)) is not None
        for month in months(archived.files)
    )


def _put_back_archive(draft: Draft, before: Snapshot) -> Iterator[str]:
    elsewhere = _Elsewhere(draft)
    for path in _archive_paths(before):
        old, new = before.read(path) or b"", draft.read(path) or b""
        if new.startswith(old):
            continue
        kind = path.split("/")[3]
        if kind == "logs":
            lost = [] if new or elsewhere.has_log(path) else [old]
        else:
            known = _lines(new)
            lost = [
                line
                for line in old.split(b"\n")
                if line and line not in known and not elsewhere.has(kind, line)
            ]
        if lost:
            draft.write(path, old if kind == "logs" else joined_lines(new, b"\n".join(lost)))
            yield f"{path}: {len(lost)} archived records are missing"


def _archive_paths(before: Snapshot) -> Iterator[str]:
    for month in months(before):
        for kind in before.names(f"{ARCHIVE}/{month}"):
            folder = f"{ARCHIVE}/{month}/{kind}"
            for name in before.names(folder):
                if kind == "logs":
                    inside = before.names(f"{folder}/{name}")
                    yield from (f"{folder}/{name}/{file}" for file in inside)
                else:
                    yield f"{folder}/{name}"


class _Elsewhere:
    """Whether an archived record is in another place of the draft: not archived yet, or again."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._archived = ArchivedFiles(draft)
        self._jobs = read_jobs(draft)

    def has(self, kind: str, line: bytes) -> bool:
        """Whether a line of an archive file of that kind is recorded."""
        if kind == "files":
            entry = archived_entry(line)
            return entry is None or self._has_file(*entry)
        try:
            own_id = json.loads(line)["id"]
        except (ValueError, TypeError, LookupError, RecursionError):
            return True  # of a line that nobody can read nothing is lost
        if kind == "messages":
            return f'"{own_id}"'.encode() in (self._draft.read(MESSAGES) or b"")
        return self._jobs.state_of(str(own_id)) is not None

    def has_log(self, path: str) -> bool:
        """Whether an archived log is still where its builder wrote it."""
        builder, name = path.split("/")[4:6]
        return self._draft.read(f"{logs_folder(builder)}/{name}") is not None

    def _has_file(self, path: str, data: bytes) -> bool:
        group = path.rpartition("/")[0] if path.startswith(TRANSITIONS) else path
        there = _lines(self._draft.read(path) or b"")
        for month in months(self._draft):
            for at, file in self._archived.find(month, group, path):
                if at == path:
                    there |= _lines(file.data)
        return _lines(data) <= there


def _jobs_of(snapshot: Snapshot) -> tuple[Job, ...]:
    try:
        return snapshot.jobs()
    except BrokenDocument:
        return ()  # an unreadable queue has no facts


def _lines(data: bytes) -> set[bytes]:
    return {line for line in data.split(b"\n") if line}
