"""Earlier failures of the farm with the same code and the same words, and what fixed them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from common.states import State
from coordination_tasks.domain.model import Job

_VARIES = re.compile(r"\b[0-9a-fA-F]{7,64}\b|0x[0-9a-fA-F]+|\d+(?:[.,:]\d+)*")
BY_RETRY, BY_COMMIT, BY_REBUILD = "retry", "new_commit", "rebuild"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One attempt that failed."""

    job: Job
    attempt: int
    at: datetime
    code: str | None
    """None when no step failed."""
    reason: str
    """`step NAME: WORDS`, or why no step ran."""

    @property
    def signature(self) -> tuple[str | None, str]:
        """Equal for failures that differ only in numbers and object ids."""
        return self.code, signature(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """What succeeded after a failure."""

    by: str
    """BY_RETRY: the same job; BY_REBUILD: another job of the same commit; or BY_COMMIT."""
    job: str
    commit: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar:
    """The earlier failures like one."""

    count: int
    since: datetime
    """When the first of them happened."""
    last_job: str
    fixed: Fix | None
    """What fixed the latest one that was fixed; None: none was."""


def signature(reason: str) -> str:
    """The words of a reason without what varies from build to build."""
    return _VARIES.sub("#", reason)


def similar_failures(
    failure: Failure, others: Sequence[Failure], jobs: Sequence[Job]
) -> Similar | None:
    """Those of `others` that are like `failure` and earlier; None when there is none.

    `jobs` are all jobs of the farm, in which the fix is looked for.
    """
    earlier = sorted(
        (
            each
            for each in others
            if each.signature == failure.signature
            and each.at <= failure.at
            and (each.job.id, each.attempt) != (failure.job.id, failure.attempt)
        ),
        key=lambda each: each.at,
    )
    if not earlier:
        return None
    good = [job for job in jobs if job.state is State.SUCCEEDED and job.completed_at]
    fixes = (_fix(each, good) for each in reversed(earlier))
    return Similar(
        count=len(earlier),
        since=earlier[0].at,
        last_job=earlier[-1].job.id,
        fixed=next((fix for fix in fixes if fix), None),
    )


def _fix(failure: Failure, good: Sequence[Job]) -> Fix | None:
    """The first success after it: of the same job, or of its branch with its pipeline."""
    job = failure.job
    if job.state is State.SUCCEEDED:
        return Fix(by=BY_RETRY, job=job.id, commit=job.commit)
    later = [
        other
        for other in good
        if (other.pipeline, other.branch) == (job.pipeline, job.branch)
        and other.completed_at
        and other.completed_at > failure.at
    ]
    first = min(later, key=lambda other: other.completed_at or failure.at, default=None)
    if first is None:
        return None
    by = BY_REBUILD if job.commit and first.commit == job.commit else BY_COMMIT
    return Fix(by=by, job=first.id, commit=first.commit)
