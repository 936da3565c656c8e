"""How the builds of each pipeline and branch went lately. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from common.states import State
from coordination_tasks.commands.views.farm_page import ended_at
from coordination_tasks.domain.model import Job

_LAST, _MOST = 30, 40
_FEW = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One build of the chart."""

    job: Job
    height: float
    """Part of the longest, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The last builds of a pipeline on a branch."""

    pipeline: str
    branch: str
    count: int
    """All builds that the queue knows; the rest is about the last of them."""
    succeeded: int
    judged: int
    """Builds that succeeded or failed, cancelled ones left out."""
    typical: float | None
    """Median duration of those that succeeded, in seconds; None: none did."""
    spread: tuple[float, float] | None
    """The first and the last tenth of the durations; None: too few."""
    waited: float | None
    """Median seconds from the request to the start."""
    bars: Sequence[Bar]
    """Oldest first."""

    @property
    def rate(self) -> int | None:
        """Percent that succeeded; None: no build was judged."""
        return round(100 * self.succeeded / self.judged) if self.judged else None


def trends(ended: Iterable[Job]) -> list[Trend]:
    """One for each pipeline and branch, the one that was built last first."""
    groups: dict[tuple[str, str], list[Job]] = {}
    for job in sorted(ended, key=ended_at):
        groups.setdefault((job.pipeline or "-", job.branch or "-"), []).append(job)
    newest = sorted(groups.items(), key=lambda group: ended_at(group[1][-1]), reverse=True)
    return [_trend(*names, jobs) for names, jobs in newest[:_MOST]]


def _trend(pipeline: str, branch: str, jobs: Sequence[Job]) -> Trend:
    last = jobs[-_LAST:]
    judged = [job for job in last if job.state is not State.CANCELLED]
    good = [job for job in last if job.state is State.SUCCEEDED]
    took = [job.duration_seconds for job in good if job.duration_seconds is not None]
    waits = [
        max(0.0, (job.started_at - job.created_at).total_seconds())
        for job in last
        if job.started_at and job.created_at
    ]
    longest = max((job.duration_seconds or 0 for job in last), default=0) or 1
    tenths = quantiles(took, n=10) if len(took) > _FEW else None
    return Trend(
        pipeline=pipeline,
        branch=branch,
        count=len(jobs),
        succeeded=len(good),
        judged=len(judged),
        typical=median(took) if took else None,
        spread=(max(0.0, tenths[0]), tenths[-1]) if tenths else None,
        waited=median(waits) if waits else None,
        bars=[Bar(job=job, height=(job.duration_seconds or 0) / longest) for job in last],
    )
