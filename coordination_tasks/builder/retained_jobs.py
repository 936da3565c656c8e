"""Which jobs keep their workspaces on a builder, however old these are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from common.states import State
from coordination_tasks.domain.errors import BrokenDocument, NotFound
from coordination_tasks.domain.model import Job
from coordination_tasks.store.snapshot import Snapshot

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def retained_jobs(snapshot: Snapshot, here: Iterable[str]) -> frozenset[str]:
    """Of the jobs `here`: what waits, runs or can't be read, and each branch's last good build.

    Jobs of one branch with another pipeline are another branch's. Raises Unavailable.
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
        if job.state in (State.QUEUED, State.RUNNING):
            held.add(job_id)
        elif job.state is State.SUCCEEDED:
            branch = (job.pipeline, job.branch)
            last_good[branch] = max(last_good.get(branch, job), job, key=_end)
    return frozenset(held | {job.id for job in last_good.values()})


def _end(job: Job) -> datetime:
    return job.completed_at or _LONG_AGO
