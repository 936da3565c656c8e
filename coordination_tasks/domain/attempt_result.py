"""What became of the steps of one attempt, and what that makes of its job. Pure: no clock, no lock.

Only what is kept safe may be noted here: what the journal refused has not happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from common.states import State
from coordination_tasks.domain.model import Transition
from coordination_tasks.domain.state_machine import FINAL_STEP_STATES

FailedState = Literal[State.FAILED, State.TIMED_OUT]

_FAILURES: tuple[FailedState, ...] = (State.FAILED, State.TIMED_OUT)
_ENDED_WELL = frozenset({State.SUCCEEDED, State.UP_TO_DATE, State.SKIPPED})


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The job is built."""

    reason: str
    artifacts_at: str | None = None
    """The folder of the published files; None when there are none."""
    state: ClassVar[State] = State.SUCCEEDED


@dataclass(frozen=True, slots=True)
class Failed:
    """A step failed, or the job cannot be built."""

    state: FailedState
    reason: str


class AttemptSteps:
    """The steps that began or ended so far."""

    def __init__(self) -> None:
        self._last: dict[str, Transition] = {}
        self._allowed: dict[str, None] = {}
        self._left_out: list[str] = []

    def note(self, transition: Transition, *, allowed: bool = False) -> None:
        """A step began or ended; `allowed`: the job may succeed although the step failed."""
        step = str(transition.step)
        self._last[step] = transition
        if allowed and transition.to_state in _FAILURES:
            self._allowed[step] = None

    def leave_out(self, step: str) -> None:
        """The step would have to run, but only another one was asked for."""
        self._left_out.append(step)

    def state(self, step: str) -> State:
        """State of a step."""
        last = self._last.get(step)
        return last.to_state if last else State.QUEUED

    def states(self) -> Mapping[str, State]:
        """States of the steps that began or ended."""
        return {step: last.to_state for step, last in self._last.items()}

    def ended(self) -> int:
        """How many steps have their end."""
        return sum(last.to_state in FINAL_STEP_STATES for last in self._last.values())

    def running(self) -> tuple[str, ...]:
        """Names of the steps that run now."""
        return tuple(s for s, last in self._last.items() if last.to_state is State.RUNNING)

    def failure_lines(self) -> tuple[str, ...]:
        """For people: what the tools said of each failure, and where the logs are."""
        return tuple(
            line
            for last in self._last.values()
            if last.to_state in _FAILURES
            for line in (*_excerpt(last.details), f"log: {last.log}")
        )

    def failure(self) -> Failed | None:
        """The end of the job for a step that failed and must not; None: there is none."""
        for state in _FAILURES:
            for step, last in self._last.items():
                if last.to_state is state and step not in self._allowed:
                    return Failed(state, f"step {step}: {last.reason}")
        return None

    def result(self, job: str, *, but: str | None = None) -> Succeeded | Failed:
        """The end of the job: it succeeds only when every step ended well.

        `but` names the step that asks, which has no end yet.
        """
        failure = self.failure()
        if failure:
            return failure
        for step, last in self._last.items():
            if last.to_state not in _ENDED_WELL and step not in self._allowed and step != but:
                return Failed(State.FAILED, f"step {step} is {last.to_state}: {last.reason}")
        if self._left_out:
            return Failed(
                State.FAILED,
                f"left out, as was asked for: {', '.join(self._left_out)};"
                f" `doit rerun {job}` makes what is missing",
            )
        if self._allowed:
            return Succeeded(f"failed, as is allowed: {', '.join(self._allowed)}")
        return Succeeded("all steps succeeded")


def _excerpt(details: Mapping[str, Any]) -> list[str]:
    return str(details.get("excerpt", "")).splitlines()
