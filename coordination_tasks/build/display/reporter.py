"""doit's reporter for `doit build`: each event of a task becomes a transition and a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from doit.exceptions import BaseFail
from doit.task import Task

from common.states import State
from coordination_tasks.build.attempt.attempt_log import AttemptLog
from coordination_tasks.build.display.display import Display


class StepOutcome(Protocol):
    """The outcome that a step's action stores when it ends."""

    @property
    def state(self) -> State:
        """How the step ended."""

    @property
    def reason(self) -> str:
        """Why it ended this way."""

    @property
    def log(self) -> str:
        """Path of the step's log."""

    @property
    def details(self) -> Mapping[str, Any]:
        """JSON values."""

    @property
    def allowed(self) -> bool:
        """Whether the job may succeed although the step failed."""


class StepReporter:
    """Records and shows the steps of one attempt.

    A step's task has `meta["step"]`; its action has `reason` (why it runs or need not),
    `reason_to_skip` and `outcome`. Tasks without `meta["step"]` are left to doit.
    The step's thread calls `execute_task`, doit's own thread everything else.
    """

    desc = "transitions to the coordination repository, one line per step"

    def __init__(self, log: AttemptLog, display: Display) -> None:
        self._log = log
        self._display = display

    def initialize(self, tasks: object, selected_tasks: object) -> None:
        """doit is about to start."""

    def get_status(self, task: Task) -> None:
        """doit is about to ask whether the task is up to date."""

    def skip_unwanted(self, task: Task) -> bool:
        """Whether the step must not run: its condition is false, or the build must stop."""
        reason = self._log.stop.before_next_step or task.actions[0].reason_to_skip(
            self._log.step_states()
        )
        if reason:
            if task.actions[0].left_out:
                self._log.leave_out(task.meta["step"])
            self._end(task.meta["step"], State.SKIPPED, reason)
        return bool(reason)

    def skip_stopped(self, task: Task) -> bool:
        """Whether the step must not run because the build must stop."""
        reason = self._log.stop.before_next_step
        if reason:
            self._end(task.meta["step"], State.SKIPPED, reason)
        return bool(reason)

    def execute_task(self, task: Task) -> None:
        """A task starts."""
        if step := step_of(task):
            reason = task.actions[0].reason
            self._log.step_began(step, reason)
            self._display.step_began(step, reason)

    def add_success(self, task: Task) -> None:
        """A task's action succeeded."""
        if step := step_of(task):
            self._ended(step, task.actions[0].outcome)

    def add_failure(self, task: Task, fail: BaseFail) -> None:
        """A task failed."""
        step = step_of(task)
        if step is None:
            return
        if task.actions[0].outcome is not None:
            self._ended(step, task.actions[0].outcome)
        else:
            self._end(step, State.FAILED, fail.get_msg().strip())

    def skip_uptodate(self, task: Task) -> None:
        """A task need not run."""
        if step := step_of(task):
            self._end(step, State.UP_TO_DATE, task.actions[0].reason)

    def skip_ignore(self, task: Task) -> None:
        """A task was ignored with `doit ignore`."""
        if step := step_of(task):
            self._end(step, State.SKIPPED, "ignored by `doit ignore`")

    def cleanup_error(self, exception: BaseFail) -> None:
        """A teardown failed; no task of ours has one."""
        self._display.message(exception.get_msg())

    def runtime_error(self, msg: str) -> None:
        """doit itself failed."""
        self._display.message(msg)

    def teardown_task(self, task: Task) -> None:
        """doit is about to tear down; no task of ours has a teardown."""

    def complete_run(self) -> None:
        """doit has ended."""

    def _ended(self, step: str, outcome: StepOutcome) -> None:
        self._end(
            step,
            outcome.state,
            outcome.reason,
            log=outcome.log,
            details=outcome.details,
            allowed=outcome.allowed,
        )

    def _end(
        self,
        step: str,
        state: State,
        reason: str,
        *,
        log: str | None = None,
        details: Mapping[str, Any] | None = None,
        allowed: bool = False,
    ) -> None:
        seconds = self._log.duration(step)
        self._log.step_ended(step, state, reason, log=log, details=details, allowed=allowed)
        self._display.step_ended(step, state, reason, seconds)


def step_of(task: Task) -> str | None:
    """Name of the step of a doit task, or None."""
    return (task.meta or {}).get("step")
