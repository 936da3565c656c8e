"""What is old enough for the archive. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from common.states import UNFINISHED
from coordination_tasks.documents.paths import job_of_manifest, quoted
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.timestamps import parse_time

MOST_FINISHED = 100
"""Finished jobs that the queue keeps at most: each write parses and sends the whole queue."""
_OWN_JOB_ID = re.compile(r"job_(\d{9,11})_\d+")
_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)[T_ -]?(\d\d)[:-]?(\d\d)[:-]?(\d\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """Seconds after which finished records are archived."""

    jobs: timedelta
    """Finished jobs, with their transitions, since their end."""
    messages: timedelta
    """Read messages, since they were sent."""
    logs: timedelta
    """Logs and manifests, in the repository and on this host."""


def due_jobs(jobs: Iterable[Job], before: datetime) -> dict[str, datetime]:
    """Jobs that ended before this moment, with their end, oldest first; and any in excess.

    Not those that an unfinished job depends on: older programs look for a dependency only in the
    queue. A job without any time stays.
    """
    found = tuple(jobs)
    needed = {name for job in found if job.state in UNFINISHED for name in job.dependencies}
    over = [(_end(job), job.id) for job in found if job.state not in UNFINISHED]
    ends = sorted((end, job_id) for end, job_id in over if end and job_id not in needed)
    too_many = len(ends) - MOST_FINISHED
    return {job_id: end for n, (end, job_id) in enumerate(ends) if end < before or n < too_many}


def log_time(name: str, jobs: Mapping[str, Job]) -> datetime | None:
    """The time of a log, by its name; None when that is unknown, or its job has not ended.

    `jobs` are those of the queue by their quoted ids. Names start with a job's id or a time.
    """
    manifest = job_of_manifest(name)
    own = _OWN_JOB_ID.match(name)
    job = jobs.get(manifest[0] if manifest else own[0] if own else "")
    if job is not None:
        return None if job.state in UNFINISHED else _end(job)
    if own:
        return parse_time(int(own[1]))
    date = _DATE.match(name)
    return _moment(date) if date else None


def made_at(job_id: str) -> datetime | None:
    """The creation time in an id of our form; None for other ids."""
    own = _OWN_JOB_ID.fullmatch(job_id)
    return parse_time(int(own[1])) if own else None


def by_quoted_id(jobs: Iterable[Job]) -> dict[str, Job]:
    """Jobs by their ids as they appear in file names."""
    return {quoted(job.id): job for job in jobs}


def _end(job: Job) -> datetime | None:
    return job.completed_at or job.started_at or job.created_at


def _moment(date: re.Match[str]) -> datetime | None:
    try:
        return datetime(*map(int, date.groups()), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return None
