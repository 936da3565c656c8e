"""The farm on one page: builders with what they build, then what waits, then what has ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from common.states import State
from coordination_tasks.commands.views.prediction import NO_SUCCESSES, Durations, words_of_rest
from coordination_tasks.documents.builder_status import (
    BUILDING,
    FAILED,
    IDLE,
    SUCCESS,
    BuilderStatus,
)
from coordination_tasks.documents.drains import Drain
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.timestamps import elapsed, elapsed_since
from coordination_tasks.farm.presence.observations import ALIVE, SILENT, Presence

MOST_BUILDERS, MOST_WAITING, MOST_ENDED = 40, 20, 10
"""Lines of each table, if not requested otherwise."""
_STILL_IDLE = frozenset({IDLE, SUCCESS, FAILED})
"""Published words of a builder that builds nothing; the last two speak of its last build."""
STATE_STYLES: Mapping[State, str] = {
    State.RUNNING: "cyan",
    State.SUCCEEDED: "green",
    State.FAILED: "red",
    State.TIMED_OUT: "red",
    State.CANCELLED: "yellow",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBuilder:
    """A builder, and what is known of its presence."""

    status: BuilderStatus
    presence: Presence | None
    """Whether it is alive; None when the past is shown, or the remote cannot be reached."""
    late: bool
    """Whether its heartbeats are overdue, though it counts as alive."""
    drain: Drain | None
    """The drain that keeps it from claiming; None when it claims."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One table of the page."""

    titles: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    styles: Sequence[str]
    """The colour of each row; "": none."""
    droppable: tuple[str, ...] = ()
    """Titles of columns that a narrow terminal does without, in this order."""
    hidden: int = 0
    """Rows that are not shown."""
    wrap: bool = False
    """Whether a long text of the last column continues on further lines instead of being cut."""


def builders_section(
    builders: Sequence[ShownBuilder],
    running: Sequence[Job],
    now: datetime,
    limit: int,
    durations: Durations = NO_SUCCESSES,
) -> Section:
    """Each builder with the jobs that it runs by the queue; those with a trouble or a job first."""
    found = []
    for name, builder, jobs in with_their_jobs(builders, running):
        state, style = state_of_builder(builder, busy=bool(jobs))
        work = [_work(job, builder, now, durations) for job in jobs] or [("-", "", "")]
        place = (style != "red", not jobs)
        found += [(place, (name, state, *each), style) for each in work]
    found.sort(key=lambda each: each[0])
    rows = found[:limit] if limit else found
    return Section(
        titles=("BUILDER", "STATE", "JOB", "RUNNING FOR", "STEP"),
        rows=[row for _, row, _ in rows],
        styles=[style for *_, style in rows],
        hidden=len(found) - len(rows),
    )


def with_their_jobs(
    builders: Sequence[ShownBuilder], running: Iterable[Job]
) -> Iterator[tuple[str, ShownBuilder | None, Sequence[Job]]]:
    """Each builder with the jobs that it runs by the queue, by name.

    None: it has a job and has published no status.
    """
    jobs: dict[str, list[Job]] = {}
    for job in running:
        jobs.setdefault(job.assigned_to or "-", []).append(job)
    shown = {each.status.builder: each for each in builders}
    for name in sorted({*shown, *jobs}, key=in_number_order):
        yield name, shown.get(name), jobs.get(name, ())


def waiting_section(
    jobs: Sequence[Job], now: datetime, why: Callable[[Job], str], limit: int
) -> Section:
    """Queued jobs, in the order in which they will be claimed."""
    rows = jobs[:limit] if limit else jobs
    return Section(
        titles=("JOB", "PRIORITY", "WAITING FOR", "PIPELINE", "BRANCH", "WHY"),
        rows=[
            (
                job.id,
                str(job.priority),
                _since(job.created_at, now),
                job.pipeline or "-",
                job.branch or "-",
                why(job),
            )
            for job in rows
        ],
        styles=[""] * len(rows),
        droppable=("PIPELINE", "BRANCH"),
        hidden=len(jobs) - len(rows),
    )


def ended_section(jobs: Iterable[Job], now: datetime, limit: int) -> Section:
    """The jobs that ended, the last one first."""
    ordered = sorted(jobs, key=ended_at, reverse=True)
    rows = ordered[:limit] if limit else ordered
    return Section(
        titles=("JOB", "STATE", "ENDED", "DURATION", "BUILDER", "PIPELINE", "BRANCH", "REASON"),
        rows=[
            (
                job.id,
                job.state,
                f"{_since(job.completed_at, now)} ago" if job.completed_at else "-",
                _duration(job),
                job.assigned_to or "-",
                job.pipeline or "-",
                job.branch or "-",
                "" if job.state is State.SUCCEEDED else job.reason,
            )
            for job in rows
        ],
        styles=[STATE_STYLES.get(job.state, "") for job in rows],
        droppable=("PIPELINE", "BUILDER", "BRANCH"),
        hidden=len(ordered) - len(rows),
    )


def in_number_order(name: str) -> str:
    """`build2` before `build10`."""
    return re.sub(r"\d+", lambda number: number[0].zfill(20), name)


def state_of_builder(builder: ShownBuilder | None, *, busy: bool) -> tuple[str, str]:
    """What the builder does, and the colour of that."""
    if builder is None:
        return "no status", "red"
    word = builder.status.status
    idle = word in _STILL_IDLE or word == BUILDING  # a build that the queue does not know has ended
    words = [BUILDING if busy else IDLE if idle else word]
    style = "cyan" if busy else ""
    presence = builder.presence
    if builder.drain:
        words.append("drained")
        style = "yellow"
    if presence and presence.liveness != ALIVE:
        quiet = presence.liveness == SILENT
        words.append(
            f"silent {elapsed(presence.still_for_seconds)}" if quiet else presence.liveness
        )
        style = "red" if quiet else style
    elif presence and builder.late:
        words.append(f"late {elapsed(presence.still_for_seconds)}")
        style = "yellow"
    return ", ".join(words), style


def _work(
    job: Job, builder: ShownBuilder | None, now: datetime, durations: Durations
) -> tuple[str, str, str]:
    steps = work_of(builder.status if builder else None, job, now, durations)
    return job.id, _since(job.started_at, now), steps


def work_of(status: BuilderStatus | None, job: Job, now: datetime, durations: Durations) -> str:
    """The steps of the job that its builder runs, and how much of the job is probably left."""
    rest = words_of_rest(durations.left(job, now))
    return ", ".join(filter(None, (steps_of(status, job), rest)))


def steps_of(status: BuilderStatus | None, job: Job) -> str:
    """The steps of the job that its builder runs, by its heartbeat, and how far they are."""
    told = (status.current_job if status else None) or {}
    steps, counts = told.get("steps"), told.get("progress")
    if told.get("id") != job.id or not isinstance(steps, list):
        return ""
    known = counts if isinstance(counts, dict) else {}
    names = map(str, steps)
    return ", ".join(f"{name}: {known[name]}" if name in known else name for name in names)


def ended_at(job: Job) -> float:
    """When a job ended, in seconds since 1970; 0 when that is unknown."""
    return job.completed_at.timestamp() if job.completed_at else 0.0


def _since(moment: datetime | None, now: datetime) -> str:
    return elapsed_since(moment, now) if moment else "-"


def _duration(job: Job) -> str:
    return elapsed(job.duration_seconds) if job.duration_seconds is not None else "-"
