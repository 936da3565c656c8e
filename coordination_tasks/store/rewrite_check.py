"""Somebody rewrote main: may the new history be taken? Squashed is fine, rewound is not. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from common.states import State
from coordination_tasks.documents.jobs import JobsDocument
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import Job

_UNFINISHED = frozenset({State.QUEUED, State.RUNNING})


def lost_facts(before: Iterable[Job], queue: bytes | None) -> tuple[str, ...]:
    """What the new history has forgotten of the queue, one line each; empty when nothing.

    A fencing token only grows; a job that has ended may have been archived. `queue` is jobs.json
    in the new history; when it can't be read, all may be forgotten.
    """
    try:
        after = JobsDocument(queue)
    except BrokenDocument as error:
        return (f"its queue can't be read ({error.cause})",)
    return tuple(line for job in before if (line := _lost(job, after.get(job.id))))


def _lost(job: Job, now: Job | None) -> str:
    if now is None:
        return f"job {job.id} ({job.state}) is gone" if job.state in _UNFINISHED else ""
    if now.token < job.token:
        return f"job {job.id} is back at fencing token {now.token}, was at {job.token}"
    return ""
