"""Why a job and its steps are in their states: their records, and what would happen here now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.states import State
from coordination_tasks.build.ports import Outlook
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.domain.state_machine import FINAL_STEP_STATES
from coordination_tasks.farm.presence.observations import Presence

_ENDED_EARLY = (State.FAILED, State.TIMED_OUT, State.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The builder that holds a running job."""

    builder: str
    attempt: int
    token: int
    """The fencing token."""
    seconds: float
    """Seconds without a heartbeat after which the builder loses the job."""
    presence: Presence | None
    """Whether the builder is alive; None when it was never observed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepExplanation:
    """One step in the latest attempt at its job."""

    step: str
    state: State
    ran_because: str | None = None
    """None when it did not run."""
    ended_because: str | None = None
    """None when it has not ended."""
    waits_for: tuple[str, ...] = ()
    """Steps of the running job that must end first."""
    duration_seconds: float | None = None
    log: str | None = None
    code: str | None = None
    """The failure code; None when it did not fail."""
    retryable: bool | None = None
    """Whether the same build may succeed on another try; None when it did not fail."""
    excerpt: str = ""
    """The output of its tool about the failure."""
    reasons_to_run: tuple[str, ...] | None = None
    """Why it would run here now; empty: it is up to date; None: unknown here."""
    condition: str | None = None
    """Its `when`, if it has one: it must be true for the step to run."""
    modules: tuple[str, ...] = ()
    """For each Maven module of a step that could skip some, why it was built or skipped."""
    runs_after_change_in: tuple[str, ...] = ()
    """Earlier steps that would run: if the result of one changes, this step runs, too."""


def lease_of(job: Job, presences: Mapping[str, Presence], seconds: float) -> Lease | None:
    """The lease on a job; None while no builder holds it."""
    if job.state is not State.RUNNING or job.assigned_to is None:
        return None
    return Lease(
        builder=job.assigned_to,
        attempt=job.attempt,
        token=job.token,
        seconds=seconds,
        presence=presences.get(job.assigned_to),
    )


def explain_steps(
    job: Job, transitions: Iterable[Transition], outlooks: Sequence[Outlook]
) -> tuple[StepExplanation, ...]:
    """The steps of a job in the plan's order; `transitions` are those of its latest attempt."""
    recorded: dict[str, list[Transition]] = {outlook.step: [] for outlook in outlooks}
    for transition in transitions:
        if transition.step is not None:
            recorded.setdefault(transition.step, []).append(transition)
    by_step = {outlook.step: outlook for outlook in outlooks}
    states = {step: moves[-1].to_state for step, moves in recorded.items() if moves}
    return tuple(
        _explain_step(job, step, moves, by_step, states) for step, moves in recorded.items()
    )


def _explain_step(
    job: Job,
    step: str,
    moves: list[Transition],
    outlooks: Mapping[str, Outlook],
    states: Mapping[str, State],
) -> StepExplanation:
    outlook = outlooks.get(step)
    state = states.get(step, State.SKIPPED if job.state in _ENDED_EARLY else State.QUEUED)
    began = next((m for m in reversed(moves) if m.to_state is State.RUNNING), None)
    end = moves[-1] if moves and state in FINAL_STEP_STATES else None
    details: Mapping[str, Any] = end.details if end else {}
    return StepExplanation(
        step=step,
        state=state,
        ran_because=began.reason if began else None,
        ended_because=end.reason if end else _not_reached(job, state),
        waits_for=_waits_for(job, state, outlook, states),
        duration_seconds=end.duration_seconds if end else None,
        log=end.log if end else None,
        code=details.get("code"),
        retryable=details.get("retryable"),
        excerpt=str(details.get("excerpt", "")),
        reasons_to_run=outlook.reasons if outlook else None,
        condition=outlook.condition if outlook else None,
        modules=tuple(_modules(details.get("values") or {})),
        runs_after_change_in=_would_run_before(outlook, outlooks.values()) if outlook else (),
    )


def _modules(values: Mapping[str, Any]) -> Iterator[str]:
    """From the values of a step; none for a step that always builds everything."""
    for module in values.get("modules", ()):
        if "why" in module:
            yield f"built {module['name']}: {module['why']}"
    for module in values.get("left_out", ()):
        yield f"skipped {module['name']}: {module['reason']}"


def _not_reached(job: Job, state: State) -> str | None:
    return f"not reached: the job ended as {job.state}" if state is State.SKIPPED else None


def _would_run_before(outlook: Outlook, outlooks: Iterable[Outlook]) -> tuple[str, ...]:
    needs = frozenset(outlook.all_needs)
    return tuple(other.step for other in outlooks if other.reasons and other.step in needs)


def _waits_for(
    job: Job, state: State, outlook: Outlook | None, states: Mapping[str, State]
) -> tuple[str, ...]:
    if job.state is not State.RUNNING or state is not State.QUEUED or outlook is None:
        return ()
    return tuple(need for need in outlook.needs if states.get(need) not in FINAL_STEP_STATES)
