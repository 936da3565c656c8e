"""How long jobs take, by those that succeeded before. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median, quantiles

from common.states import State
from coordination_tasks.domain.model import Job

_LAST = 20
"""Successes that count: older ones were other builds."""
_ENOUGH = 3
_MINUTE, _HOUR = 60.0, 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the last successes took, in seconds."""

    typical: float
    """Median."""
    shortest: float
    """A tenth took less; with fewer than 3 successes the shortest."""
    longest: float
    """A tenth took more; with fewer than 3 successes the longest."""
    builds: int
    """Successes behind it."""
    same_branch: bool
    """Whether all of them are of the branch that was asked for."""


class Durations:
    """The durations of the successes among `jobs`."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        done = (job for job in jobs if job.state is State.SUCCEEDED and job.duration_seconds)
        self._jobs = sorted(done, key=_ended_at)

    def builders(self, pipeline: str | None) -> list[str]:
        """The builders with a success of the pipeline."""
        found = {job.assigned_to for job in self._jobs if job.pipeline == pipeline}
        return sorted(filter(None, found))

    def expected(
        self, pipeline: str | None, branch: str | None = None, builder: str | None = None
    ) -> Expectation | None:
        """What a job of the pipeline will take; None when none has succeeded.

        A branch of its own counts if it has 3 successes or more, otherwise all branches do.
        """
        took, same_branch = self._samples(pipeline, branch, builder)
        if not took:
            return None
        shortest, longest = min(took), max(took)
        if len(took) >= _ENOUGH:
            tenths = quantiles(took, n=10, method="inclusive")
            shortest, longest = tenths[0], tenths[-1]
        return Expectation(
            typical=median(took),
            shortest=shortest,
            longest=longest,
            builds=len(took),
            same_branch=same_branch,
        )

    def left(self, job: Job, now: datetime) -> float | None:
        """Seconds until a running job probably ends; None: nothing is known, or it is overdue.

        The median of what is left of those that took longer than this one has until now.
        """
        if job.state is not State.RUNNING or job.started_at is None:
            return None
        ran = max(0.0, (now - job.started_at).total_seconds())
        took, _ = self._samples(job.pipeline, job.branch, job.assigned_to)
        if len(took) < _ENOUGH:
            took, _ = self._samples(job.pipeline, job.branch, None)
        longer = [seconds - ran for seconds in took if seconds > ran]
        return median(longer) if longer else None

    def _samples(
        self, pipeline: str | None, branch: str | None, builder: str | None
    ) -> tuple[Sequence[float], bool]:
        fitting = [
            job
            for job in self._jobs
            if job.pipeline == pipeline and builder in (None, job.assigned_to)
        ]
        of_branch = [job for job in fitting if job.branch == branch]
        same_branch = len(of_branch) >= _ENOUGH or len(of_branch) == len(fitting)
        chosen = of_branch if same_branch else fitting
        return [job.duration_seconds or 0.0 for job in chosen[-_LAST:]], same_branch


def _ended_at(job: Job) -> float:
    return job.completed_at.timestamp() if job.completed_at else 0.0


NO_SUCCESSES = Durations(())


def words_of_rest(seconds: float | None) -> str:
    """`about 4 min left`; "" when nothing is known."""
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return "less than 1 min left"
    if seconds < _HOUR:
        return f"about {round(seconds / _MINUTE)} min left"
    hours, minutes = divmod(round(seconds / _MINUTE / 10) * 10, 60)
    return f"about {hours} h {minutes:02d} min left"
