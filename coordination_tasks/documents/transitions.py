"""The transitions of one attempt: an append-only file, one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from common.states import State
from coordination_tasks.documents.codec import Unreadable, transition_from, transition_line
from coordination_tasks.documents.paths import transitions_path
from coordination_tasks.domain.errors import IllegalTransition
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.domain.state_machine import check_step_transition
from coordination_tasks.repository.draft import Draft


class TransitionLog:
    """Existing lines are kept, even invalid ones (torn or merged by others)."""

    def __init__(self, data: bytes | None) -> None:
        self._data = data or b""
        self.transitions: list[Transition] = []
        """The readable transitions, in the order in which they were recorded."""
        self.unreadable: list[str] = []
        """The errors of the other lines."""
        for number, line in enumerate(self._data.split(b"\n"), 1):
            if line.strip():
                self._read(number, line)
        self.ids = {transition.id for transition in self.transitions}
        """Ids of the readable transitions."""

    @property
    def data(self) -> bytes:
        """The file's new content."""
        return self._data

    def has(self, transition_id: str) -> bool:
        """Whether this transition is recorded."""
        return transition_id in self.ids

    def not_before(self, at: datetime) -> datetime:
        """`at`, or the time of the last transition: a clock that was set back must not show."""
        return max(at, self.transitions[-1].at) if self.transitions else at

    def append(self, transition: Transition) -> None:
        """Append a transition, unless it exists; its time is not before that of the last one."""
        if self.has(transition.id):
            return
        transition = replace(transition, at=self.not_before(transition.at))
        torn = b"\n" if self._data and not self._data.endswith(b"\n") else b""
        self._data += torn + transition_line(transition).encode("utf-8") + b"\n"
        self.transitions.append(transition)
        self.ids.add(transition.id)

    def append_steps(self, transitions: Sequence[Transition]) -> None:
        """Append step transitions if the state machine allows all of them, otherwise none.

        Raises IllegalTransition.
        """
        states = dict(self._step_states())
        fresh = [transition for transition in transitions if not self.has(transition.id)]
        for transition in fresh:
            step = transition.step
            if step is None:
                raise IllegalTransition(f"job {transition.job}: only the store changes job states")
            before = states.get(step, State.QUEUED)
            if transition.from_state != before:
                raise IllegalTransition(
                    f"step {step} is {before}: it cannot change from {transition.from_state}"
                    f" to {transition.to_state}"
                )
            check_step_transition(step, before, transition.to_state)
            states[step] = transition.to_state
        for transition in fresh:
            self.append(transition)

    def _step_states(self) -> Mapping[str, State]:
        return {t.step: t.to_state for t in self.transitions if t.step is not None}

    def _read(self, number: int, line: bytes) -> None:
        try:
            self.transitions.append(transition_from(json.loads(line)))
        except (Unreadable, ValueError, RecursionError) as error:
            self.unreadable.append(f"line {number}: {error}")


def read_log(draft: Draft, job_id: str, attempt: int) -> TransitionLog:
    """The draft's transitions of an attempt."""
    return TransitionLog(draft.read(transitions_path(job_id, attempt)))


def time_of_change(draft: Draft, job: Job, now: datetime) -> datetime:
    """The time of a change of the job: now, but not before its last attempt's transitions."""
    return read_log(draft, job.id, job.attempt).not_before(now)


def write_log(draft: Draft, job_id: str, attempt: int, log: TransitionLog) -> None:
    """Make `log` the draft's record of the attempt."""
    draft.write(transitions_path(job_id, attempt), log.data)
