"""The plan of an attempt; equal plans are stored once.

The first step transition of an attempt names the plan in its details, and the write that records
this transition also stores the plan, without an extra write. The stored content shows people what
an attempt ran. No builder runs it: of a record it takes only the digest (see `OwnPlans`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from common.states import State
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.store.snapshot import Snapshot

PLAN_KEY = "plan"
CHANGED_SINCE_KEY = "changed_since"
PIPELINES_COMMIT_KEY = "pipelines_commit"
PERSON_KEY = "by"
"""In the details of a transition that a person caused."""
REPLAN_KEY = "replan"
"""In the details of a transition with which a person queued a job again."""
FROM_STEP_KEY = "from_step"
"""Like REPLAN_KEY."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The plan of an attempt."""

    data: bytes
    """JSON, always formatted in the same way."""
    changed_since: str | None = None
    """The commit that `changed(...)` compares with the job's; None: unknown."""
    pipelines_commit: str | None = None
    """The commit of `pipelines_source` that made it; None: a file of the builder did."""

    @property
    def digest(self) -> str:
        """The plan's name in the store."""
        return plan_digest(self.data)

    @property
    def details(self) -> dict[str, object]:
        """Its entry in the details of the attempt's first transition."""
        made = {PIPELINES_COMMIT_KEY: self.pipelines_commit} if self.pipelines_commit else {}
        return {PLAN_KEY: self.digest, CHANGED_SINCE_KEY: self.changed_since, **made}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPlan:
    """What the records say about the plan of an earlier attempt."""

    digest: str
    changed_since: str | None
    attempt: int
    pipelines_commit: str | None = None


def plan_digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def recorded_plan(snapshot: Snapshot, job: Job) -> RecordedPlan | None:
    """The plan of the job's latest attempt that recorded one.

    None when there is none, or a person asked for a new one since (`doit retry --replan`). Raises
    Unavailable, BrokenDocument.
    """
    for transition in reversed(snapshot.transitions(job.id)):
        details = transition.details
        if PERSON_KEY in details and details.get(REPLAN_KEY) is True:
            return None
        digest = details.get(PLAN_KEY)
        if isinstance(digest, str):
            return RecordedPlan(
                digest=digest,
                changed_since=_text(details, CHANGED_SINCE_KEY),
                attempt=transition.attempt,
                pipelines_commit=_text(details, PIPELINES_COMMIT_KEY),
            )
    return None


def requested_start(snapshot: Snapshot, job: Job, builder: str) -> str:
    """The step from which a person asked to run the job again; "" when nobody did.

    The request is met when `builder` has run a step of the job since. Raises like `recorded_plan`.
    """
    start = ""
    for transition in snapshot.transitions(job.id):
        if _is_retry(transition):
            start = _text(transition.details, FROM_STEP_KEY) or ""
        elif transition.step is not None and transition.builder == builder:
            start = ""
    return start


def _is_retry(transition: Transition) -> bool:
    """Whether a person queued the job again; who builds, takes or releases it is recorded, too."""
    requeued = transition.step is None and transition.to_state is State.QUEUED
    return (
        requeued and PERSON_KEY in transition.details and transition.from_state is not State.RUNNING
    )


def last_built_commit(snapshot: Snapshot, job: Job) -> str | None:
    """Commit of the latest job before this one that built its branch with its pipeline; or None.

    Raises Unavailable, BrokenDocument.
    """
    latest = last_built_job(snapshot.jobs(), job)
    return latest.commit if latest else None


def last_good_values(snapshot: Snapshot, job: Job) -> Mapping[str, Mapping[str, object]]:
    """Values by step of the job that `last_built_job` finds; empty when there is none.

    Raises Unavailable, BrokenDocument.
    """
    latest = last_built_job(snapshot.jobs(), job)
    ends = snapshot.transitions(latest.id) if latest else ()
    values = {end.step: end.details.get("values") for end in ends if end.step}
    return {step: made for step, made in values.items() if isinstance(made, dict)}


def last_built_job(jobs: Iterable[Job], job: Job) -> Job | None:
    """The latest of `jobs` before this one that built its branch with its pipeline; or None."""
    before = [
        other
        for other in jobs
        if other.id != job.id
        and other.state is State.SUCCEEDED
        and (other.pipeline, other.branch) == (job.pipeline, job.branch)
        and other.created_at is not None
        and (job.created_at is None or other.created_at <= job.created_at)
    ]
    return max(before, key=lambda other: (other.created_at, other.completed_at), default=None)


def _text(details: Mapping[str, object], key: str) -> str | None:
    value = details.get(key)
    return value if isinstance(value, str) else None
