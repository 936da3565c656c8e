"""What the pages about the farm show. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from coordination_tasks.commands.views.farm_page import (
    ShownBuilder,
    ended_at,
    state_of_builder,
    steps_of,
    with_their_jobs,
    work_of,
)
from coordination_tasks.commands.views.farm_view import FarmView, why_it_waits
from coordination_tasks.commands.views.job_filter import last_change
from coordination_tasks.documents.drains import ALL
from coordination_tasks.domain.model import Job
from coordination_tasks.web.trends import Trend, trends

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When the farm was as the pages show it."""

    as_of: datetime | None
    problem: str
    """Why that is not now; "": it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A running job of a builder."""

    job: Job
    steps: str
    """What it runs now, how far that is, and how much is probably left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuilderFacts:
    """A builder with what it does."""

    id: str
    state: str
    trouble: bool
    """Whether somebody has to look."""
    shown: ShownBuilder | None
    """None: it has a job and has published no status."""
    work: Sequence[Work]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFacts:
    """A queued job."""

    job: Job
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmFacts:
    """Everything that the pages show, besides the steps of each job."""

    moment: Moment
    paused: str
    """Who drained the whole farm, and why; "": it claims."""
    builders: Sequence[BuilderFacts]
    """Those with trouble first, then those with a job."""
    waiting: Sequence[WaitingFacts]
    """In the order in which they will be claimed."""
    ended: Sequence[Job]
    """The last one first."""
    running: Sequence[Job]
    paged: Sequence[Job]
    """The jobs with a page of their own, those that changed last first."""
    names: Mapping[str, str]
    """The name of that page by the job's id."""
    trends: Sequence[Trend]


def farm_facts(farm: FarmView, moment: Moment, pages: int) -> FarmFacts:
    """The facts about a farm; `pages` jobs have a page of their own."""
    jobs = farm.jobs or ()
    running, ended = farm.running, farm.ended
    paged = sorted(jobs, key=last_change, reverse=True)[:pages]
    why = why_it_waits(farm)
    return FarmFacts(
        moment=moment,
        paused=str(farm.drains[ALL]) if ALL in farm.drains else "",
        builders=_builders(farm, running, moment),
        waiting=[WaitingFacts(job=job, why=why(job)) for job in farm.waiting],
        ended=sorted(ended, key=ended_at, reverse=True),
        running=running,
        paged=paged,
        names={job.id: page_name(job.id) for job in paged},
        trends=trends(ended),
    )


def page_name(job_id: str) -> str:
    """The name of a job's page: the id if it can be one, otherwise a readable part and a digest."""
    if _SAFE.fullmatch(job_id) and job_id == job_id.lower():
        return job_id
    digest = hashlib.sha256(job_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    readable = re.sub(r"[^a-z0-9]+", "-", job_id.lower()).strip("-")[:40]
    return f"{readable}-{digest}" if readable else digest


def _builders(farm: FarmView, running: Sequence[Job], moment: Moment) -> list[BuilderFacts]:
    found = []
    durations = farm.durations
    for name, builder, jobs in with_their_jobs(farm.builders, running):
        words, style = state_of_builder(builder, busy=bool(jobs))
        status = builder.status if builder else None
        work = [
            Work(
                job=job,
                steps=work_of(status, job, moment.as_of, durations)
                if moment.as_of
                else steps_of(status, job),
            )
            for job in jobs
        ]
        found.append(
            BuilderFacts(id=name, state=words, trouble=style == "red", shown=builder, work=work)
        )
    return sorted(found, key=lambda each: (not each.trouble, not each.work))
