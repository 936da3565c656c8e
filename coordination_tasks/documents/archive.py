"""The archive in the repository: finished records by month, so that the live files stay small.

`coordination/archive/<month>/` holds `jobs/` and `messages/` (entries as they were, one a line),
`files/` (transitions, manifests and short logs, see archived_files) and `logs/` (long ones).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from coordination_tasks.documents import archive_files, json_edit
from coordination_tasks.documents.archive_files import (
    ArchivedFile,
    ArchivedFiles,
    Files,
    Parts,
    append_line,
    lines,
)
from coordination_tasks.documents.codec import Unreadable, job_from
from coordination_tasks.documents.messages import Message, MessagesDocument, read_message
from coordination_tasks.documents.paths import (
    ARCHIVE,
    JOBS,
    MESSAGES,
    archived_jobs_path,
    archived_log_path,
    archived_messages_path,
    job_of_manifest,
    logs_folder,
    manifest_path,
    old_manifest_path,
    request_path,
    transitions_folder,
)
from coordination_tasks.documents.retention import made_at
from coordination_tasks.domain.model import Job
from coordination_tasks.repository.draft import Draft

_MONTH = re.compile(r"\d{4}-\d{2}")


def month_of(moment: datetime) -> str:
    """The folder for a moment: `2025-10`, UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m")


def months(files: Files) -> tuple[str, ...]:
    """The months that have an archive, newest first."""
    return tuple(sorted(filter(_MONTH.fullmatch, files.names(ARCHIVE)), reverse=True))


def _months_of(files: Files, job_id: str) -> tuple[str, ...]:
    """The months that can contain a job: none before its id was made, minus a day for bad clocks.

    So queueing a new job need not search years.
    """
    at = made_at(job_id)
    first = month_of(at - timedelta(days=1)) if at else ""
    return tuple(month for month in months(files) if month >= first)


def find_job(files: Files, job_id: str) -> Job | None:
    """An archived job by its id, as last archived; None when there is none."""
    for month in _months_of(files, job_id):
        beside = (job for _, job in _jobs_beside(files, month, job_id))
        jobs = [job for job in beside if job and job.id == job_id]
        if jobs:
            return jobs[-1]
    return None


def find_logs(archived: ArchivedFiles, job_id: str) -> dict[str, ArchivedFile]:
    """The archived transitions of a job, by their former path."""
    folder = transitions_folder(job_id)
    found: dict[str, ArchivedFile] = {}
    for month in reversed(_months_of(archived.files, job_id)):
        for path, file in archived.find(month, folder, f"{folder}/"):
            earlier = found[path].data if path in found else b""
            found[path] = replace(file, data=joined_lines(earlier, file.data))
    return found


def find_manifest(archived: ArchivedFiles, builder: str, job_id: str, attempt: int) -> bytes | None:
    """The newest archived manifest of an attempt; None when there is none."""
    path = manifest_path(builder, job_id, attempt)
    name = path.removeprefix(logs_folder(builder) + "/")
    for month in _months_of(archived.files, job_id):
        small = [file.data for at, file in archived.find(month, path, path) if at == path]
        place = archived_log_path(month, builder, name)
        data = small[-1] if small else archived.files.read(place)
        if data is not None:
            return data
    return None


def archive_jobs(draft: Draft, due: Mapping[str, str]) -> None:
    """Move the jobs with these ids from the queue into their months, with their transitions.

    The caller has checked that each id is in the queue exactly once.
    """
    text = json_edit.decode(JOBS, draft.read(JOBS) or b"")
    found = json_edit.member(text, "jobs")
    if found is None:
        return
    entries = json_edit.scan_array(text, found.start)
    gone = {
        index: raw
        for index, span in enumerate(entries)
        if isinstance(raw := span.value, dict)
        and isinstance(raw.get("id"), str)
        and raw["id"] in due
    }
    draft.write(JOBS, json_edit.remove_elements(text, found.start, gone).encode("utf-8"))
    for raw in gone.values():
        job_id = str(raw["id"])
        append_line(draft, raw, _jobs_file(due[job_id], job_id))
        _archive_transitions(draft, job_id, due[job_id])
        draft.delete(request_path(job_id))


def archived_messages(files: Files) -> Iterator[Message]:
    """All archived messages by month; a line that is no message is skipped."""
    for month in reversed(months(files)):
        for _, _, line in lines(files, _messages_file(month)):
            with suppress(ValueError, RecursionError):
                found = json.loads(line)
                if isinstance(found, dict):
                    yield read_message(found)


def archive_messages(
    draft: Draft, document: MessagesDocument, chosen: Mapping[int, Message], *, now: datetime
) -> None:
    """Move the messages at these indexes of `document` into their months (undated: this one)."""
    for index, raw, message in document.entries:
        if index in chosen:
            append_line(draft, raw, _messages_file(month_of(message.at or now)))
    document.remove(tuple(chosen))
    draft.write(MESSAGES, document.data)


def archive_log(draft: Draft, builder: str, name: str, month: str) -> None:
    """Move a log or manifest of a builder into a month."""
    path = f"{logs_folder(builder)}/{name}"
    data = draft.read(path) or b""
    if len(data) <= archive_files.MOST_BYTES_OF_A_LINE:
        archive_files.put(draft, month, path, path, data)
    else:
        draft.write(_free(draft, archived_log_path(month, builder, name)), data)
    draft.delete(path)
    if manifest := job_of_manifest(name):
        draft.delete(old_manifest_path(builder, manifest[0]))


def joined_lines(earlier: bytes, later: bytes) -> bytes:
    """The lines of two files, without duplicates."""
    if not earlier:
        return later
    known = earlier.rstrip(b"\n").split(b"\n")
    there = set(known)
    fresh = [line for line in later.rstrip(b"\n").split(b"\n") if line not in there]
    return b"\n".join([*known, *fresh]) + b"\n"


def _free(draft: Draft, path: str) -> str:
    number = 1
    while draft.read(free := path if number == 1 else f"{path}.{number}") is not None:
        number += 1
    return free


def unreadable_beside(files: Files, job_id: str) -> Iterator[str]:
    """Unreadable lines, as `path:line`, in the files that could contain this job."""
    for month in _months_of(files, job_id):
        yield from (place for place, job in _jobs_beside(files, month, job_id) if job is None)


def _jobs_beside(files: Files, month: str, job_id: str) -> Iterator[tuple[str, Job | None]]:
    """Place and job of each line in the files that could contain this job; None: unreadable."""
    for path, number, line in lines(files, _jobs_file(month, job_id)):
        try:
            job = job_from(json.loads(line))
        except (Unreadable, ValueError, RecursionError):
            job = None
        yield f"{path}:{number}", job


def _jobs_file(month: str, job_id: str) -> Parts:
    return lambda part: archived_jobs_path(month, job_id, part)


def _messages_file(month: str) -> Parts:
    return lambda part: archived_messages_path(month, part)


def _archive_transitions(draft: Draft, job_id: str, month: str) -> None:
    folder = transitions_folder(job_id)
    for path in (f"{folder}/{name}" for name in draft.names(folder)):
        data = draft.read(path)
        if data is not None:
            archive_files.put(draft, month, folder, path, data)
            draft.delete(path)
