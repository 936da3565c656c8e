"""Which jobs a reading command shows: the options, and what they select."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from common.states import State
from common.yaml.duration import parse_duration
from common.yaml.findings import did_you_mean
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.timestamps import parse_time

JOB_STATES = (
    State.QUEUED,
    State.RUNNING,
    State.SUCCEEDED,
    State.FAILED,
    State.CANCELLED,
    State.TIMED_OUT,
)
_SCHEDULE = "/schedule"
"""The end of the name of a trigger."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

FILTER_OPTIONS: tuple[dict[str, Any], ...] = (
    {"name": "state", "long": "state", "type": list, "default": [],
     "help": "only jobs in this state, such as failed (may be repeated)"},
    {"name": "branch", "long": "branch", "type": list, "default": [],
     "help": "only jobs of this branch; * matches anything (may be repeated)"},
    {"name": "pipeline", "long": "pipeline", "type": list, "default": [],
     "help": "only jobs of this pipeline; * matches anything (may be repeated)"},
    {"name": "builder", "long": "builder", "type": list, "default": [],
     "help": "only this builder and its jobs; * matches anything (may be repeated)"},
    {"name": "since", "long": "since", "type": str, "default": "",
     "help": "only jobs that were queued, started or ended since then: 2h, 3d, or a time"},
    {"name": "unscheduled", "long": "unscheduled", "type": bool, "default": False,
     "help": "without the jobs that a schedule started"},
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Empty values select everything."""

    states: frozenset[State] = frozenset()
    branches: tuple[str, ...] = ()
    pipelines: tuple[str, ...] = ()
    builders: tuple[str, ...] = ()
    since: datetime | None = None
    unscheduled: bool = False

    def takes(self, job: Job) -> bool:
        """Whether the job is to be shown."""
        return (
            (not self.states or job.state in self.states)
            and _fits(job.branch, self.branches)
            and _fits(job.pipeline, self.pipelines)
            and _fits(job.assigned_to or job.wanted_builder, self.builders)
            and (self.since is None or last_change(job) >= self.since)
            and not (self.unscheduled and job.trigger.endswith(_SCHEDULE))
        )

    def takes_builder(self, builder: str) -> bool:
        """Whether the builder is to be shown for itself, not for a job."""
        by_job = self.states or self.branches or self.pipelines or self.since
        return not by_job and _fits(builder, self.builders)


def job_filter(
    now: datetime,
    *,
    state: Sequence[str] = (),
    branch: Sequence[str] = (),
    pipeline: Sequence[str] = (),
    builder: Sequence[str] = (),
    since: str = "",
    unscheduled: bool = False,
) -> JobFilter:
    """The filter that the options mean at the time `now`. Raises BadRequest."""
    return JobFilter(
        states=frozenset(map(_state, state)),
        branches=tuple(branch),
        pipelines=tuple(pipeline),
        builders=tuple(builder),
        since=read_since(since, now) if since else None,
        unscheduled=unscheduled,
    )


def last_change(job: Job) -> datetime:
    """When the job was queued, started or ended, whichever was last."""
    times = (job.created_at, job.started_at, job.completed_at)
    return max((moment for moment in times if moment), default=_LONG_AGO)


def newest(jobs: Iterable[Job], limit: int) -> list[Job]:
    """The `limit` jobs that changed last, in the order given; 0: all of them."""
    found = list(jobs)
    if not limit or len(found) <= limit:
        return found
    places = sorted(range(len(found)), key=lambda at: last_change(found[at]), reverse=True)
    return [found[at] for at in sorted(places[:limit])]


def checked_limit(limit: int) -> int:
    """`limit`, if it is a number of lines. Raises BadRequest."""
    if limit < 0:
        raise BadRequest(f"--limit expects 0 (all) or more, found {limit}")
    return limit


def _fits(value: str | None, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(value or "", pattern) for pattern in patterns)


def _state(name: str) -> State:
    if name not in JOB_STATES:
        raise BadRequest(f"unknown state {name[:60]!r} of a job{did_you_mean(name, JOB_STATES)}")
    return State(name)


def read_since(text: str, now: datetime) -> datetime:
    """The moment that `--since` means. Raises BadRequest."""
    try:
        return now - timedelta(seconds=parse_duration(text))
    except (ValueError, OverflowError):
        moment = parse_time(text)
    if moment is None:
        raise BadRequest(
            f"--since expects a duration such as 2h or 3d, or a time such as"
            f" 2025-10-29T12:00:00Z, found {text[:60]!r}"
        )
    return moment
