"""The jobs whose workspaces a builder keeps, however old they are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from common.states import UNFINISHED, State
from coordination_tasks.domain.errors import BrokenDocument, NotFound
from coordination_tasks.domain.model import Job
from coordination_tasks.store.snapshot import Snapshot

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def retained_jobs(snapshot: Snapshot, here: Iterable[str]) -> frozenset[str]:
    """Those of the jobs `here` that are queued, running or unreadable, or a branch's last success.

    A branch counts separately for each pipeline. Raises Unavailable.
    """
    held: set[str] = set()
    last_good: dict[tuple[str | None, str | None], Job] = {}
    for job_id in here:
        try:
            job = snapshot.job(job_id)
        except NotFound:
            continue
        except BrokenDocument:
            held.add(job_id)
            continue
        if job.state in UNFINISHED:
            held.add(job_id)
        elif job.state is State.SUCCEEDED:
            branch = (job.pipeline, job.branch)
            last_good[branch] = max(last_good.get(branch, job), job, key=_end)
    return frozenset(held | {job.id for job in last_good.values()})


def _end(job: Job) -> datetime:
    return job.completed_at or _LONG_AGO
