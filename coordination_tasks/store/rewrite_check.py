"""Whether a rewritten main may be accepted: squashed is fine, reset to older facts is not. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from common.states import State
from coordination_tasks.documents.jobs import JobsDocument
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import Job

_UNFINISHED = frozenset({State.QUEUED, State.RUNNING})


def lost_facts(before: Iterable[Job], queue: bytes | None) -> tuple[str, ...]:
    """The facts of the queue that the new history has lost, one line each; empty when none.

    A fencing token only grows; a finished job may have been archived. `queue` is jobs.json in the
    new history; if it is unreadable, everything may be lost.
    """
    try:
        after = JobsDocument(queue)
    except BrokenDocument as error:
        return (f"its queue is unreadable ({error.cause})",)
    return tuple(line for job in before if (line := _lost(job, after.get(job.id))))


def _lost(job: Job, now: Job | None) -> str:
    if now is None:
        return f"job {job.id} ({job.state}) is missing" if job.state in _UNFINISHED else ""
    if now.token < job.token:
        return f"fencing token of job {job.id} went back from {job.token} to {now.token}"
    return ""
