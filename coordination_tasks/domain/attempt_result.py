"""The results of an attempt's steps, and the job's state that follows. Pure: no clock, no lock.

Only what the journal has stored may be noted here: what it rejected has not happened.
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
    """The steps that started or ended so far."""

    def __init__(self) -> None:
        self._last: dict[str, Transition] = {}
        self._allowed: dict[str, None] = {}
        self._left_out: list[str] = []

    def note(self, transition: Transition, *, allowed: bool = False) -> None:
        """Note that a step started or ended; `allowed`: the job may succeed although it failed."""
        step = str(transition.step)
        self._last[step] = transition
        if allowed and transition.to_state in _FAILURES:
            self._allowed[step] = None

    def leave_out(self, step: str) -> None:
        """Note that the step would have to run, but only another one was requested."""
        self._left_out.append(step)

    def state(self, step: str) -> State:
        """State of a step."""
        last = self._last.get(step)
        return last.to_state if last else State.QUEUED

    def states(self) -> Mapping[str, State]:
        """States of the steps that started or ended."""
        return {step: last.to_state for step, last in self._last.items()}

    def transitions(self) -> tuple[Transition, ...]:
        """The last one of each step."""
        return tuple(self._last.values())

    def ended(self) -> int:
        """Number of steps that have ended."""
        return sum(last.to_state in FINAL_STEP_STATES for last in self._last.values())

    def running(self) -> tuple[str, ...]:
        """Names of the running steps."""
        return tuple(s for s, last in self._last.items() if last.to_state is State.RUNNING)

    def failure_lines(self) -> tuple[str, ...]:
        """For people: the output of the tools for each failure, and the paths of the logs.

        A bar precedes each line of a tool, so that none looks like ours.
        """
        return tuple(
            line for last in self.failed() for line in (*_excerpt(last.details), f"log: {last.log}")
        )

    def failed(self) -> tuple[Transition, ...]:
        """The ends of the failed steps."""
        return tuple(last for last in self._last.values() if last.to_state in _FAILURES)

    def with_logs(self) -> Mapping[str, Transition]:
        """The ends of the steps that wrote a log, by step."""
        return {
            step: last
            for step, last in self._last.items()
            if last.log and last.to_state in FINAL_STEP_STATES
        }

    def failure(self) -> Failed | None:
        """The end of the job if a step failed that must not fail; otherwise None."""
        for state in _FAILURES:
            for step, last in self._last.items():
                if last.to_state is state and step not in self._allowed:
                    return Failed(state, f"step {step}: {last.reason}")
        return None

    def result(self, job: str, *, but: str | None = None) -> Succeeded | Failed:
        """The end of the job: it succeeds only when every step ended successfully.

        `but` names the step that asks, which has not ended yet.
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
                f"skipped on request: {', '.join(self._left_out)}; `doit rerun {job}` runs them",
            )
        if self._allowed:
            return Succeeded(f"allowed failures: {', '.join(self._allowed)}")
        return Succeeded("all steps succeeded")


def _excerpt(details: Mapping[str, Any]) -> list[str]:
    return [f"| {line}" for line in str(details.get("excerpt", "")).splitlines()]
