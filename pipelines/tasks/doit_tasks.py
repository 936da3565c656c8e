"""Pipelines as doit tasks: one group task per pipeline, one task per step.

The graph is static and holds no value of a job: names and options come from `pipelines.yaml`, and
the job is looked up when an action runs. The result of a step is stored in `outcome` of its action,
where the reporter of `doit build` reads it.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from doit.action import BaseAction
from doit.exceptions import TaskFailed

from common.redaction import mask, mask_data
from common.states import State
from pipelines.domain.conditions import all_but_later
from pipelines.domain.errors import (
    FailureCode,
    PipelineError,
    StepCancelled,
    StepFailed,
)
from pipelines.domain.evidence import TEST_NAMES
from pipelines.domain.pipeline import Pipeline, Step
from pipelines.execution.runner import StepRunner
from pipelines.steps.publish_status import PublishStatus

_TIMED_OUT = frozenset({FailureCode.TIMEOUT, FailureCode.SILENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a step ended."""

    state: State
    reason: str
    log: str
    details: Mapping[str, Any] = field(default_factory=dict)
    allowed: bool = False
    """Whether the job may succeed although the step failed."""


class StepAction(BaseAction):  # type: ignore[misc]
    """The doit action of one step."""

    def __init__(self, runner: StepRunner, pipeline: Pipeline, step: Step) -> None:
        self._runner = runner
        self._pipeline = pipeline
        self._step = step
        self.reason = ""
        """Why the step runs, or why it need not."""
        self.left_out = False
        """Whether the step was not requested, although it would have to run."""
        self.outcome: Outcome | None = None
        self.out = self.err = self.result = None
        self.values: dict[str, Any] = {}

    def __str__(self) -> str:
        return f"{self._step.kind.name} {self._step.options!r}"

    def up_to_date(self) -> bool:
        """Whether the step need not run; `reason` then says why."""
        verdict = self._runner.judge(self._pipeline, self._step)
        self.reason = verdict.reason
        return verdict.up_to_date

    def reason_to_skip(self, states: Mapping[str, State]) -> str | None:
        """Why the step must not run, given the states of the others; None when it may.

        A condition that cannot be evaluated is left to `execute`, which fails with the cause.
        """
        try:
            reason = self._runner.reason_to_skip(self._pipeline, self._step, states)
            if reason is None:
                reason = self._runner.reason_to_leave_out(self._pipeline, self._step)
                self.left_out = reason is not None
        except PipelineError:
            return None
        return reason

    def execute(self, out: object = None, err: object = None) -> TaskFailed | None:  # noqa: ARG002
        """Run the step. As doit expects, None is success and a TaskFailed is the failure."""
        try:
            ran = self._runner.run(self._pipeline, self._step)
        except StepCancelled as error:
            return self._ended(State.CANCELLED, str(error), {})
        except StepFailed as error:
            state = State.TIMED_OUT if error.code in _TIMED_OUT else State.FAILED
            return self._ended(state, error.message, _failure_details(error))
        except PipelineError as error:
            return self._ended(State.FAILED, str(error), {"code": FailureCode.BAD_REQUEST.value})
        except Exception as error:
            details = {
                "code": FailureCode.INTERNAL.value,
                "excerpt": traceback.format_exc()[-2000:],
            }
            return self._ended(State.FAILED, f"bug in {self._step.kind.name}: {error!r}", details)
        values = {name: value for name, value in ran.result.values.items() if name != TEST_NAMES}
        succeeded: dict[str, Any] = {"values": values}
        if ran.failed_tries:
            succeeded["tries"] = list(ran.failed_tries)
        self._ended(State.SUCCEEDED, ran.result.reason, succeeded)
        return None

    def _ended(self, state: State, reason: str, details: Mapping[str, Any]) -> TaskFailed:
        secrets = self._runner.secrets()
        failed_tries = len(details.get("tries", ()))
        text = f"{reason} (after {failed_tries + 1} tries)" if failed_tries else reason
        self.outcome = Outcome(
            state=state,
            reason=mask(text, secrets),
            log=self._runner.log(self._step.name),
            details=mask_data(details, secrets),
            allowed=self._step.allow_failure,
        )
        return TaskFailed(self.outcome.reason)


@dataclass(frozen=True)
class RecordHolds:
    """doit's up-to-date check of the step of an action; `doit info` shows it."""

    action: StepAction
    step: str

    def __call__(self) -> bool:
        """The check, as doit calls it."""
        return self.action.up_to_date()

    def __repr__(self) -> str:
        return f"the success record of {self.step} is valid (see doit explain)"


def pipeline_tasks(
    pipelines: Mapping[str, Pipeline], runner: StepRunner, first: str
) -> Iterator[dict[str, Any]]:
    """Task dictionaries for doit. Steps without needs wait for the task `first`."""
    for pipeline in pipelines.values():
        yield _group_task(pipeline)
        ordered = publish_last(pipeline)
        for step in ordered.steps:
            yield _step_task(ordered, step, runner, first)


def _group_task(pipeline: Pipeline) -> dict[str, Any]:
    return {
        "basename": pipeline.name,
        "name": None,
        "doc": pipeline.description,
        "meta": {"pipeline": pipeline.name},
    }


def publish_last(pipeline: Pipeline) -> Pipeline:
    """`publish-status` ends the attempt, so it waits for every step that does not need it."""
    steps = (
        replace(step, needs=all_but_later(pipeline, step))
        if isinstance(step.kind, PublishStatus)
        else step
        for step in pipeline.steps
    )
    return replace(pipeline, steps=tuple(steps))


def _step_task(pipeline: Pipeline, step: Step, runner: StepRunner, first: str) -> dict[str, Any]:
    action = StepAction(runner, pipeline, step)
    needs = [f"{pipeline.name}:{need}" for need in step.needs]
    return {
        "basename": pipeline.name,
        "name": step.name,
        "doc": step.kind.summary,
        "actions": [action],
        "task_dep": needs or [first],
        "uptodate": [RecordHolds(action, step.name)],
        "meta": {"pipeline": pipeline.name, "step": step.name},
    }


def _failure_details(error: StepFailed) -> dict[str, Any]:
    return {
        **error.details,
        "code": error.code.value,
        "excerpt": error.excerpt,
        "retryable": error.retryable,
    }
