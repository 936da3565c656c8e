"""One step of one attempt: its context, whether it is up to date, and how it is run."""

from __future__ import annotations

import errno
import time
import traceback
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from common.redaction import mask
from common.settings.sandbox import StepLimits
from pipelines.domain.conditions import all_needs
from pipelines.domain.errors import BadValue, FailureCode, StepFailed
from pipelines.domain.pipeline import (
    Pipeline,
    RunningAttempt,
    Step,
    StepContext,
    StepResult,
)
from pipelines.domain.step_abilities import EndsAlone, KeepsFiles, MakesSource
from pipelines.execution.fingerprint import Fingerprint, fingerprint
from pipelines.execution.job_records import StepRecords
from pipelines.execution.lazy import ComputedMapping, ComputedSequence
from pipelines.execution.resource_locks import held
from pipelines.execution.retries import StepRetries
from pipelines.execution.reuse import OtherJobs
from pipelines.execution.source_tree.changes import Changes
from pipelines.execution.source_tree.restoration import SourceTree
from pipelines.execution.source_tree.together import Together
from pipelines.execution.success_records import SuccessRecords
from pipelines.execution.values import ARTIFACTS, StepValues, checked_result
from pipelines.git.commits import comes_from
from pipelines.git.mirror import mirror_path
from pipelines.git.remote import public_url
from pipelines.git.tracked_files import files_that_match, input_files
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.capture import helpers_of_step
from pipelines.processes.echoing_runner import EchoingRunner
from pipelines.processes.logged_command import LoggedCommandRunner
from pipelines.processes.sandbox.choice import choose_sandbox
from pipelines.processes.sandbox.protocol import Sandbox
from pipelines.processes.step_log import open_log
from pipelines.processes.tree import marker
from pipelines.workspace.job_metadata import JobNote, write_note
from pipelines.workspace.layout import Workspace


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a step must have ended, by `time.monotonic()`, and why."""

    at: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Ran:
    """A step that succeeded."""

    result: StepResult
    failed_tries: tuple[Mapping[str, Any], ...]
    """The failed tries before the one that succeeded."""


@dataclass(frozen=True)
class StepExecution:
    """One step of one attempt at a pipeline."""

    pipeline: Pipeline
    step: Step
    attempt: RunningAttempt
    cancellation: Cancellation
    together: Together = field(default_factory=Together)
    """The steps that are running now."""

    @cached_property
    def workspace(self) -> Workspace:
        """The job's directory."""
        return Workspace(self.attempt.state_dir, self.attempt.job_id, self.attempt.attempt)

    @cached_property
    def records(self) -> StepRecords:
        """The records of the job's steps."""
        return StepRecords(self.workspace)

    @cached_property
    def values(self) -> StepValues:
        """The values of the names in the step."""
        return StepValues(self.pipeline, self.attempt, self.records.values)

    @cached_property
    def tree(self) -> SourceTree:
        """The job's source tree."""
        return SourceTree(self.pipeline, self.workspace, self.attempt.env, self._kept_folders)

    def fingerprint(self, *, awaits_steps: bool = False) -> Fingerprint | None:
        """Everything that the result depends on; None when the step runs each time.

        `awaits_steps`: the steps before it have not run yet. Raises BadValue, and what
        the step's kind raises.
        """
        step = self.values.without_secrets(self.step, awaits_steps=awaits_steps)
        context = self._context(step, Deadline(None, ""))
        identity = step.kind.identity(step.options, context)
        if identity is None:
            return None
        return fingerprint(
            step,
            identity=identity,
            builder_env=self.attempt.declared_env,
            files=input_files(context.workspace.source, step.inputs, context.env),
            upstream=self.records.results(all_needs(self.pipeline, step)),
        )

    def run(self) -> Ran:
        """Run the step, with retries according to its `retries`; record its success.

        Raises StepFailed, whose details list the tries before the last one; StepCancelled; and
        BadValue for a missing or invalid value.
        """
        self.cancellation.check()
        log = self.workspace.log(self.step.name)
        try:
            step = self.values.resolved(self.step)
            with held(self.attempt.lock_dir, step.resources, self._check_while_waiting, self._show):
                return self._run(step)
        except StepFailed as error:
            error.log = error.log or log
            raise
        except OSError as error:
            raise _os_failure(error, log) from error

    def _run(self, step: Step) -> Ran:
        deadline = self._deadline()
        retries = StepRetries(
            retries=step.retries,
            wait=self.cancellation.wait,
            may_repeat=lambda: self.tree.can_take_back(step.name),
            tell=self._tell,
            monotonic=time.monotonic,
            deadline=deadline.at,
        )
        try:
            with helpers_of_step(deadline.at, self.workspace.log(step.name)):
                return Ran(retries.run(lambda: self._try(step, deadline)), tuple(retries.failed))
        except StepFailed as error:
            if retries.failed:
                error.details["tries"] = list(retries.failed)
            raise

    def _try(self, step: Step, deadline: Deadline) -> StepResult:
        began = time.monotonic()
        if deadline.at is not None and began >= deadline.at:
            raise StepFailed(FailureCode.TIMEOUT, f"not started: {deadline.reason}")
        context = self._context(step, deadline)
        made_from = self.fingerprint()
        if made_from is None:
            return self._checked(step.kind.run(step.options, context), step)
        self._make_room()
        records = self.records
        run = records.begin(self.pipeline, self.step, made_from)
        changes = self.tree.changes
        if not isinstance(step.kind, MakesSource):
            self.together.begin(step.name)
            changes.begin(step.name)
        try:
            result = self._checked(step.kind.run(step.options, context), step)
        finally:
            changed = self._end_changes(step.name)
        if isinstance(step.kind, MakesSource):
            # It has queried the source and made the tree from the answer.
            run = replace(run, fingerprint=self.fingerprint() or made_from)
        records.succeed(step, run, result, time.monotonic() - began, changed.paths)
        return result

    def _make_room(self) -> None:
        """Undo the changes of earlier runs of this step and of those after it.

        Raises StepFailed when that also undid changes of an earlier step.
        """
        if isinstance(self.step.kind, MakesSource):
            self.tree.changes.forget_all()
            return
        lost = sorted(self.tree.make_room(self.step.name))
        if lost:
            raise StepFailed(
                FailureCode.CHECKOUT_FAILED,
                f"cannot remove only the changes of an earlier run of this step: step {lost[0]}"
                " must run again. Build the job again.",
                retryable=True,
            )

    def _end_changes(self, step: str) -> Changes:
        """Record the step's changes, as far as they can be separated from those of other steps."""
        if isinstance(self.step.kind, MakesSource):
            return Changes(step)
        meanwhile = self.together.end(step)
        changes = self.tree.changes
        try:
            return changes.end(step, meanwhile, self._outputs_of(meanwhile))
        except ValueError as error:
            raise StepFailed(FailureCode.INTERNAL, str(error)) from error

    def _outputs_of(self, steps: Iterable[str]) -> set[str]:
        """The declared outputs of these steps that exist, and their folders."""
        source = self.workspace.source
        found: set[str] = set()
        for name in steps:
            step = self._as_far_as_known(self.pipeline.by_name[name])
            for pattern in (*step.outputs, *step.artifacts):
                for path in files_that_match(source, pattern):
                    relative = path.relative_to(source)
                    found |= {str(relative), *map(str, relative.parents)}
        return found

    def _kept_folders(self, name: str) -> Collection[Path]:
        execution = replace(self, step=self.pipeline.by_name[name])
        kind = execution.step.kind
        if not isinstance(kind, KeepsFiles):
            return ()
        step = execution.values.without_secrets(execution.step)
        return kind.kept_folders(step.options, execution._context(step, Deadline(None, "")))

    def leave_out(self) -> None:
        """The step does not belong to this attempt: hide everything that it made before."""
        name = self.step.name
        if self.records.read(name) is not None or self.tree.changes.read(name) is not None:
            self.tree.take_back({name})
            SuccessRecords(self.workspace.successes).forget(name)

    def refresh_source(self) -> None:
        """Query the source, if the step's kind makes the source tree."""
        if isinstance(self.step.kind, MakesSource):
            step = self.values.without_secrets(self.step)
            self.step.kind.refresh(step.options, self._context(step, Deadline(None, "")))

    def take_from_other_job(self, current: Fingerprint) -> bool:
        """Reuse the outputs of another job of this builder, and offer this job to others."""
        write_note(self.workspace.note, self._note)
        step = self.values.without_secrets(self.step)
        return self.other_jobs().take(step, current)

    def other_jobs(self) -> OtherJobs:
        """The jobs of this builder whose results this one may reuse; writes nothing."""
        return OtherJobs(
            self.workspace, self._note, self.pipeline, self.tree.changes, self.cancellation
        )

    @cached_property
    def is_trusted(self) -> bool:
        """Whether other jobs of this builder may use what this one makes."""
        patterns = self.pipeline.trusted
        return patterns is None or comes_from(self._mirror, self.attempt, patterns)

    @property
    def _mirror(self) -> Path:
        return mirror_path(self.workspace.mirrors, public_url(self.pipeline.source.repository))

    @property
    def _note(self) -> JobNote:
        attempt = self.attempt
        return JobNote(
            job=attempt.job_id,
            pipeline=self.pipeline.name,
            branch=attempt.branch,
            commit=attempt.commit,
            params=dict(attempt.params),
            trusted=self.is_trusted,
        )

    def record_end(self) -> None:
        """Record a success that came after the process that ran the step was killed."""
        run = self.records.broken_off(self.step.name)
        secrets = self.pipeline.secrets if self.step.values else ()
        if run is None or not isinstance(self.step.kind, EndsAlone) or secrets:
            return  # secrets are not known here, and a value must contain none
        # A step without its declared outputs runs again, and fails then.
        with suppress(StepFailed, BadValue, OSError):
            step = self.values.without_secrets(self.step)
            context = self._context(step, Deadline(None, ""))
            result = self.step.kind.ended_result(step.options, context)
            if result is not None:
                result = self._checked(result, step)
                changed = self._end_changes(step.name)
                self.records.succeed(step, run, result, None, changed.paths)

    def _context(self, step: Step, deadline: Deadline) -> StepContext:
        attempt, workspace = self.attempt, self.workspace
        logged = LoggedCommandRunner(
            workspace.log(step.name),
            marker=marker(workspace, step.name),
            cancellation=self.cancellation,
            sandbox=self._sandbox,
            limits=StepLimits(memory=step.memory, cpus=step.cpus).within(attempt.sandbox.limits),
            secrets=attempt.secrets.values(),
            deadline=deadline.at,
            deadline_reason=deadline.reason,
            silence=step.silent_timeout,
            log_limit=attempt.log_limit,
        )
        steps = self.pipeline.steps
        recorded = ComputedMapping(lambda: self.pipeline.by_name, self.records.values)
        return StepContext(
            step=step.name,
            request=attempt,
            workspace=workspace,
            source=self.pipeline.source,
            commands=EchoingRunner(logged, lambda line: attempt.show_line(step.name, line)),
            env={**attempt.env, **step.env},
            progress=self._show,
            upstream=ComputedMapping(
                lambda: (other.kind.name for other in steps),
                lambda kind: recorded[next(s.name for s in reversed(steps) if s.kind.name == kind)],
            ),
            recorded=recorded,
            steps=ComputedSequence(lambda: tuple(map(self._as_far_as_known, steps))),
            last_good=attempt.last_good,
            dir=step.dir,
            values=step.values,
            network=step.network,
            is_trusted=lambda: self.is_trusted,
            artifacts=ComputedSequence(
                lambda: tuple(
                    workspace.source / path
                    for name, values in recorded.items()
                    if name != step.name
                    for path in values.get(ARTIFACTS, ())
                )
            ),
            destinations=attempt.destinations,
            ssh_hosts=attempt.ssh_hosts,
            durations=ComputedMapping(lambda: self.pipeline.by_name, self.records.duration),
        )

    def _sandbox(self) -> Sandbox:
        return choose_sandbox(
            self.attempt.sandbox,
            self.workspace,
            self.step.name,
            objects=self._mirror / "objects",
            network=self.step.network,
            ssh_agent=self.step.ssh_agent,
        )

    def _checked(self, result: StepResult, step: Step) -> StepResult:
        return checked_result(result, step, self.workspace.source, self.attempt.secrets)

    def _as_far_as_known(self, step: Step) -> Step:
        try:
            return self.values.without_secrets(step, awaits_steps=True)
        except BadValue:
            return step

    def _deadline(self) -> Deadline:
        """The step's own deadline, or that of the pipeline; `always` steps have their own."""
        seconds, reason = self.step.timeout, "its timeout expired"
        if seconds is None:
            seconds = self.attempt.default_timeout
            reason = f"it has no `timeout`, and default_timeout ({seconds:g} s) expired"
        at, pipelines = time.monotonic() + seconds, self._pipelines_end()
        if pipelines.at is not None and pipelines.at < at:
            return pipelines
        return Deadline(at, reason)

    def _pipelines_end(self) -> Deadline:
        if self.pipeline.timeout is None or self.step.always:
            return Deadline(None, "")
        end = self.attempt.began + self.pipeline.timeout
        return Deadline(end, f"the pipeline's timeout of {self.pipeline.timeout:g} s expired")

    def _check_while_waiting(self) -> None:
        self.cancellation.check()
        end = self._pipelines_end()
        if end.at is not None and time.monotonic() >= end.at:
            raise StepFailed(FailureCode.TIMEOUT, f"not started: {end.reason}")

    def _show(self, text: str) -> None:
        self.attempt.show_progress(self.step.name, mask(text, self.attempt.secrets.values()))

    def _tell(self, text: str) -> None:
        shown = mask(text, self.attempt.secrets.values())
        with open_log(self.workspace.log(self.step.name)) as log:
            log.write(f"# {shown}")
        self.attempt.show_progress(self.step.name, shown)


def _os_failure(error: OSError, log: Path) -> StepFailed:
    where = f": {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StepFailed(FailureCode.DISK_FULL, f"no space is left on the disk{where}", log=log)
    text = "".join(traceback.format_exception(error)[-3:])
    return StepFailed(
        FailureCode.INTERNAL, f"{error.strerror or error}{where}", excerpt=text, log=log
    )
