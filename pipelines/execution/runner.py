"""Runs the steps of the claimed job, unless they are up to date."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from threading import Lock

from common.states import State
from pipelines.domain.conditions import all_needs, with_dependents
from pipelines.domain.errors import FailureCode, PipelineError, StepFailed
from pipelines.domain.pipeline import Pipeline, RunningAttempt, Step
from pipelines.domain.step_abilities import ActsOutside
from pipelines.execution.fingerprint import Fingerprint
from pipelines.execution.invalidation import clean_job
from pipelines.execution.job_records import NEVER_RUN
from pipelines.execution.source_tree.together import Together
from pipelines.execution.step import Ran, StepExecution
from pipelines.execution.success_records import SuccessRecords
from pipelines.processes.cancellation import Cancellation
from pipelines.workspace.layout import Workspace

UP_TO_DATE = "same inputs as its last success, and its outputs are unchanged"
ALWAYS_RUNS = "runs every time"
CANT_TELL = "cannot determine whether it is up to date"
NOT_CLAIMED = "no job is claimed. Run steps with `doit build`."


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a step is up to date, and why or why not."""

    up_to_date: bool
    reason: str


class StepRunner:
    """Runs steps of the attempt that `attempt()` returns at that moment; None outside a build."""

    def __init__(
        self, attempt: Callable[[], RunningAttempt | None], cancellation: Cancellation
    ) -> None:
        self._attempt = attempt
        self._cancellation = cancellation
        self._only = ""
        self._together = Together()
        self._prepared: tuple[str, int] | None = None
        self._preparing = Lock()

    def start_over(self, pipeline: Pipeline, *, start: str, only: str, clean: bool) -> None:
        """Before the first step: make steps run although nothing changed.

        `start` and `only` are names of steps or "": all from `start` on, or `only` and no other.
        """
        workspace = self._workspace()
        if clean:
            clean_job(workspace, pipeline)
        steps = with_dependents(pipeline, {start}) if start else {only} if only else ()
        for step in steps:
            SuccessRecords(workspace.successes).forget(step)
        self._only = only

    def reason_to_leave_out(self, pipeline: Pipeline, step: Step) -> str | None:
        """Why a step that would have to run must not: only another one was requested."""
        if self._only in ("", step.name) or step.always:
            return None
        reason = self._reason_to_run(pipeline, step)
        return f"skipped by --only {self._only}: {reason}" if reason else None

    def judge(self, pipeline: Pipeline, step: Step) -> Verdict:
        """Whether the step is up to date; its result may come from another job on this builder."""
        reason = self._reason_to_run(pipeline, step)
        if reason is not None:
            return Verdict(False, reason)
        success = self._execution(pipeline, step).records.read(step.name)
        origin = success.origin if success else ""
        return Verdict(
            True,
            f"outputs reused from job {origin}, which had the same inputs"
            if origin
            else UP_TO_DATE,
        )

    def _reason_to_run(self, pipeline: Pipeline, step: Step) -> str | None:
        if self._attempt() is None:
            return NOT_CLAIMED
        execution = self._execution(pipeline, step)
        try:
            self._prepare(pipeline)
            return self._told_reason(execution, step)
        except Exception as error:  # uncertainty is a reason to run, never one to abort
            return f"{CANT_TELL}: {_in_words(error)}"

    def _told_reason(self, execution: StepExecution, step: Step) -> str | None:
        current = execution.fingerprint()
        if current is None:
            return ALWAYS_RUNS
        records = execution.records
        reason = records.reason_to_run(step.name, current)
        foreign = reason == NEVER_RUN and not records.was_begun(step.name)
        if foreign and execution.take_from_other_job(current):
            return records.reason_to_run(step.name, current)
        return reason and _since_other_job(execution, reason, current)

    def reasons_to_run(self, pipeline: Pipeline, step: Step) -> tuple[str, ...]:
        """All reasons to run the step now, by this job's own records; changes nothing."""
        execution = self._execution(pipeline, step)
        try:
            current = execution.fingerprint(awaits_steps=True)
        except (PipelineError, OSError) as error:
            return (f"{CANT_TELL}: {_in_words(error)}",)
        if current is None:
            return (ALWAYS_RUNS,)
        reasons = execution.records.reasons_to_run(step.name, current)
        return tuple(_since_other_job(execution, reason, current) for reason in reasons)

    def reason_to_skip(
        self, pipeline: Pipeline, step: Step, states: Mapping[str, State]
    ) -> str | None:
        """Why the step must not run, given the states of the others; None when it may.

        The outputs of an earlier attempt are removed when the step's own condition skips it now.
        """
        if self._attempt() is None:
            return None
        if self._running().reproduces and isinstance(step.kind, ActsOutside):
            return f"it changes {step.kind.acts_on}, and this job only reproduces another"
        execution = self._execution(pipeline, step)
        reason = execution.values.reason_to_skip(step, states)
        if reason is not None and not execution.values.is_hindered(step, states):
            execution.leave_out()
        return reason

    def run(self, pipeline: Pipeline, step: Step) -> Ran:
        """Run the step and record its success. Raises StepFailed, StepCancelled, BadValue."""
        self._prepare(pipeline)
        return self._execution(pipeline, step).run()

    def ended_alone(self, pipeline: Pipeline) -> dict[str, str]:
        """The steps that succeeded in this attempt at the pipeline, with their results.

        For use after this attempt's process was killed, when none of its steps is running: steps
        that ended after the kill get their records now.
        """
        executions = [self._execution(pipeline, step) for step in pipeline.steps]
        for execution in executions:
            execution.record_end()
        successes = {each.step.name: each.records.read(each.step.name) for each in executions}
        number = self._running().attempt
        return {
            name: success.reason
            for name, success in successes.items()
            if success and success.attempt == number and not success.origin
        }

    def log(self, step: str) -> str:
        """Path of the step's log in this attempt; empty outside a build."""
        return str(self._workspace().log(step)) if self._attempt() else ""

    def secrets(self) -> Collection[str]:
        """Values that must never be shown."""
        attempt = self._attempt()
        return tuple(attempt.secrets.values()) if attempt else ()

    def _prepare(self, pipeline: Pipeline) -> None:
        """Once for each attempt: query the source, and remove the remains of failed steps."""
        attempt = self._running()
        with self._preparing:
            if self._prepared == (attempt.job_id, attempt.attempt):
                return
            executions = [self._execution(pipeline, step) for step in pipeline.steps]
            for execution in executions:
                execution.refresh_source()
            if executions:
                executions[0].tree.prepare(lambda name: self._has_reason(pipeline, name))
            self._prepared = (attempt.job_id, attempt.attempt)

    def _has_reason(self, pipeline: Pipeline, name: str) -> bool:
        """Whether the step, or one before it, must run again according to the records."""
        step = pipeline.by_name[name]
        before = (*all_needs(pipeline, step), name)
        return any(self.reasons_to_run(pipeline, pipeline.by_name[each]) for each in before)

    def _execution(self, pipeline: Pipeline, step: Step) -> StepExecution:
        return StepExecution(pipeline, step, self._running(), self._cancellation, self._together)

    def _running(self) -> RunningAttempt:
        attempt = self._attempt()
        if attempt is None:
            raise StepFailed(FailureCode.BAD_REQUEST, NOT_CLAIMED)
        return attempt

    def _workspace(self) -> Workspace:
        attempt = self._running()
        return Workspace(attempt.state_dir, attempt.job_id, attempt.attempt)


def _in_words(error: Exception) -> str:
    if isinstance(error, PipelineError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    return f"bug: {error!r}"


def _since_other_job(execution: StepExecution, reason: str, current: Fingerprint) -> str:
    """The reason; for a first run with the changes since another job ran the step."""
    if reason != NEVER_RUN:
        return reason
    changed = execution.other_jobs().what_changed(execution.step.name, current)
    return f"{reason}; {changed}" if changed else reason
