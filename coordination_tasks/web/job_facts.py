"""What the page of one job shows: its attempts, each with its steps along a line of time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from common.states import State
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.domain.next_step import NextStep, next_step
from coordination_tasks.domain.state_machine import FINAL_STEP_STATES
from coordination_tasks.web.farm_facts import page_name

_LEAST_WIDTH = 0.004
"""Of a bar, so that a short step is seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts:
    """A step in one attempt."""

    name: str
    state: State
    began: datetime | None
    ended: datetime | None
    duration: float | None
    """Seconds."""
    left: float
    """Where its bar begins, as part of the attempt's time."""
    width: float
    """How long it is; 0: it has none."""
    ran_because: str
    reason: str
    """Why it ended as it did."""
    code: str
    excerpt: str
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFacts:
    """One builder's try at the job."""

    number: int
    builder: str
    began: datetime | None
    seconds: float
    """From the first to the last record."""
    steps: Sequence[StepFacts]
    moves: Sequence[Transition]
    """The job's own changes of state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """A job with everything that was recorded of it."""

    job: Job
    name: str
    """Of its page."""
    following: NextStep | None
    attempts: Sequence[AttemptFacts]
    """The latest first."""


def job_facts(job: Job, transitions: Sequence[Transition]) -> JobFacts:
    """The facts about a job from its records."""
    numbers = sorted({t.attempt for t in transitions}, reverse=True)
    attempts = [_attempt(n, [t for t in transitions if t.attempt == n]) for n in numbers]
    return JobFacts(
        job=job, name=page_name(job.id), following=next_step(job, transitions), attempts=attempts
    )


def _attempt(number: int, moves: Sequence[Transition]) -> AttemptFacts:
    by_step: dict[str, list[Transition]] = {}
    for move in moves:
        if move.step is not None:
            by_step.setdefault(move.step, []).append(move)
    times = [move.at for move in moves if move.step is not None] or [m.at for m in moves]
    first, last = min(times), max(times)
    seconds = max(0.0, (last - first).total_seconds())
    return AttemptFacts(
        number=number,
        builder=next((m.builder for m in moves if m.step or m.to_state is State.RUNNING), ""),
        began=first,
        seconds=seconds,
        steps=[_step(name, of_step, first, seconds) for name, of_step in by_step.items()],
        moves=[move for move in moves if move.step is None],
    )


def _step(name: str, moves: Sequence[Transition], first: datetime, seconds: float) -> StepFacts:
    end = moves[-1] if moves[-1].to_state in FINAL_STEP_STATES else None
    start = next((m for m in reversed(moves) if m.to_state is State.RUNNING), None)
    left = width = 0.0
    if start and seconds:
        began = (start.at - first).total_seconds()
        lasted = end.duration_seconds if end and end.duration_seconds is not None else None
        until = began + lasted if lasted is not None else seconds
        left = min(max(0.0, began / seconds), 1 - _LEAST_WIDTH)
        width = min(max(_LEAST_WIDTH, (until - began) / seconds), 1 - left)
    elif start:
        width = 1.0
    details = end.details if end else {}
    return StepFacts(
        name=name,
        state=moves[-1].to_state,
        began=start.at if start else None,
        ended=end.at if end else None,
        duration=end.duration_seconds if end else None,
        left=left,
        width=width,
        ran_because=start.reason if start else "",
        reason=end.reason if end else "",
        code=str(details.get("code") or ""),
        excerpt=str(details.get("excerpt") or ""),
        log=(end.log if end else None) or "",
    )
