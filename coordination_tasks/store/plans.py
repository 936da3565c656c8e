"""The plan of an attempt; equal plans are stored once.

The first step transition of an attempt names the plan in its details, and the write that records
this transition also stores the plan, without an extra write. Its content is opaque here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from common.states import State
from coordination_tasks.domain.model import Job
from coordination_tasks.store.snapshot import Snapshot

PLAN_KEY = "plan"
CHANGED_SINCE_KEY = "changed_since"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The plan of an attempt."""

    data: bytes
    """JSON, always formatted in the same way."""
    changed_since: str | None = None
    """The commit that `changed(...)` compares with the job's; None: unknown."""

    @property
    def digest(self) -> str:
        """The plan's name in the store."""
        return plan_digest(self.data)

    @property
    def details(self) -> dict[str, object]:
        """Its entry in the details of the attempt's first transition."""
        return {PLAN_KEY: self.digest, CHANGED_SINCE_KEY: self.changed_since}


def plan_digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def recorded_plan(snapshot: Snapshot, job: Job) -> Plan | None:
    """The plan of the job's latest attempt that recorded one; None when there is none.

    Raises Unavailable, BrokenDocument.
    """
    for attempt in sorted(snapshot.attempts(job.id), reverse=True):
        for transition in snapshot.transitions(job.id, attempt):
            digest = transition.details.get(PLAN_KEY)
            data = snapshot.plan(digest) if isinstance(digest, str) else None
            if data is not None:
                since = transition.details.get(CHANGED_SINCE_KEY)
                return Plan(data=data, changed_since=since if isinstance(since, str) else None)
    return None


def last_built_commit(snapshot: Snapshot, job: Job) -> str | None:
    """Commit of the latest job before this one that built its branch with its pipeline; or None.

    Raises Unavailable, BrokenDocument.
    """
    before = [
        other
        for other in snapshot.jobs()
        if other.id != job.id
        and other.state is State.SUCCEEDED
        and (other.pipeline, other.branch) == (job.pipeline, job.branch)
        and other.created_at is not None
        and (job.created_at is None or other.created_at <= job.created_at)
    ]
    latest = max(before, key=lambda other: (other.created_at, other.completed_at), default=None)
    return latest.commit if latest else None
