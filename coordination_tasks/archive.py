"""The archive in the repository: what is over, by month, so that what lives stays small.

`coordination/archive/<month>/` holds `jobs/` and `messages/` (entries as they were, one a line, at
most 1 MB a file), `transitions/` and `logs/` (files as they were). Everything is spread over 256
folders or files, so that no folder grows beyond what Git hosts bear.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from coordination_tasks import documents
from coordination_tasks.draft import Draft
from coordination_tasks.messages import Message, MessagesDocument
from coordination_tasks.model import Job
from coordination_tasks.paths import (
    ARCHIVE,
    JOBS,
    MESSAGES,
    archived_jobs_path,
    archived_log_path,
    archived_messages_path,
    logs_folder,
    manifest_path,
    transitions_folder,
)
from coordination_tasks.records import Unreadable, job_from

MOST_BYTES = 1_000_000
_MONTH = re.compile(r"\d{4}-\d{2}")


class Files(Protocol):
    """One version's files: a Draft, or a Snapshot."""

    def read(self, path: str) -> bytes | None:
        """Content of a file; None when there is none."""
        ...

    def names(self, folder: str) -> tuple[str, ...]:
        """Sorted names of what is directly in a folder."""
        ...


@dataclass(frozen=True, slots=True)
class ArchivedJob:
    """A job that is over, and the month it is archived with."""

    job: Job
    month: str


def month_of(moment: datetime) -> str:
    """The folder of a moment: `2025-10`, UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m")


def months(files: Files) -> tuple[str, ...]:
    """The months that have an archive, the newest first."""
    return tuple(sorted(filter(_MONTH.fullmatch, files.names(ARCHIVE)), reverse=True))


def find_job(files: Files, job_id: str) -> ArchivedJob | None:
    """An archived job by its id, as it was when it was last archived; None when there is none."""
    for month in months(files):
        jobs = [job for job in _jobs_beside(files, month, job_id) if job.id == job_id]
        if jobs:
            return ArchivedJob(jobs[-1], month)
    return None


def find_manifest(files: Files, builder: str, job_id: str, attempt: int) -> bytes | None:
    """The archived manifest of an attempt; None when there is none."""
    name = manifest_path(builder, job_id, attempt).removeprefix(logs_folder(builder) + "/")
    for month in months(files):
        data = files.read(archived_log_path(month, builder, name))
        if data is not None:
            return data
    return None


def archive_jobs(draft: Draft, due: Mapping[str, str]) -> None:
    """Move the jobs with these ids out of the queue, each into its month, with its transitions.

    The caller has seen that each id is in the queue once.
    """
    text = documents.decode(JOBS, draft.read(JOBS) or b"")
    found = documents.member(text, "jobs")
    if found is None:
        return
    entries = documents.scan_array(text, found.start)
    gone = {
        index: raw
        for index, span in enumerate(entries)
        if isinstance(raw := span.value, dict) and raw.get("id") in due
    }
    draft.write(JOBS, documents.remove_elements(text, found.start, gone).encode("utf-8"))
    for raw in gone.values():
        job_id = str(raw["id"])
        _append(draft, raw, _jobs_file(due[job_id], job_id))
        _move_folder(draft, transitions_folder(job_id), transitions_folder(job_id, due[job_id]))


def archive_messages(
    draft: Draft, document: MessagesDocument, chosen: Mapping[int, Message], *, now: datetime
) -> None:
    """Move the messages at these places of `document` into their months (undated ones: now's)."""
    for index, raw, message in document.entries:
        if index in chosen:
            _append(draft, raw, _messages_file(month_of(message.at or now)))
    document.remove(tuple(chosen))
    draft.write(MESSAGES, document.data)


def archive_log(draft: Draft, builder: str, name: str, month: str) -> None:
    """Move a log or manifest of a builder into a month."""
    source, target = f"{logs_folder(builder)}/{name}", archived_log_path(month, builder, name)
    number = 1
    while draft.read(free := target if number == 1 else f"{target}.{number}") is not None:
        number += 1
    draft.write(free, draft.read(source) or b"")
    draft.delete(source)


def _jobs_beside(files: Files, month: str, job_id: str) -> Iterator[Job]:
    """The jobs that are archived in the same files as this one; without those of `unreadable`."""
    for _, line in _lines_beside(files, month, job_id):
        try:
            yield job_from(json.loads(line))
        except (Unreadable, ValueError, RecursionError):
            continue


def unreadable_beside(files: Files, job_id: str) -> Iterator[str]:
    """Where lines are that can't be read, in the files that would hold this job: `path:line`."""
    for month in months(files):
        for place, line in _lines_beside(files, month, job_id):
            try:
                job_from(json.loads(line))
            except (Unreadable, ValueError, RecursionError):
                yield place


def _lines_beside(files: Files, month: str, job_id: str) -> Iterator[tuple[str, bytes]]:
    part = 1
    while (data := files.read(path := archived_jobs_path(month, job_id, part))) is not None:
        for number, line in enumerate(data.split(b"\n"), 1):
            if line:
                yield f"{path}:{number}", line
        part += 1


def _jobs_file(month: str, job_id: str) -> Callable[[int], str]:
    return lambda part: archived_jobs_path(month, job_id, part)


def _messages_file(month: str) -> Callable[[int], str]:
    return lambda part: archived_messages_path(month, part)


def _append(draft: Draft, raw: Mapping[str, object], file_of: Callable[[int], str]) -> None:
    """Add an entry to the last part that has room for it."""
    line = documents.dump_line(raw).encode("utf-8") + b"\n"
    part = 1
    while (data := draft.read(file_of(part))) and len(data) + len(line) > MOST_BYTES:
        part += 1
    draft.write(file_of(part), (data or b"") + line)


def _move_folder(draft: Draft, source: str, target: str) -> None:
    """Move files of lines; what came after an earlier move is put behind what is there."""
    for name in draft.names(source):
        data = draft.read(f"{source}/{name}")
        if data is not None:
            earlier = draft.read(f"{target}/{name}")
            draft.write(f"{target}/{name}", data if earlier is None else _joined(earlier, data))
            draft.delete(f"{source}/{name}")


def _joined(earlier: bytes, data: bytes) -> bytes:
    known = earlier.rstrip(b"\n").split(b"\n")
    fresh = [line for line in data.rstrip(b"\n").split(b"\n") if line not in set(known)]
    return b"\n".join([*known, *fresh]) + b"\n"
