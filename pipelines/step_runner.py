"""Runs one step of the claimed job, or finds that it is up to date; keeps the stamps."""

from __future__ import annotations

import errno
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.cancellation import Cancellation
from pipelines.commands import LoggedCommandRunner
from pipelines.donors import Donors
from pipelines.errors import FailureCode, PipelineError, StepFailed
from pipelines.fingerprint import Fingerprint, fingerprint
from pipelines.input_files import input_files
from pipelines.job_note import JobNote, write_note
from pipelines.model import (
    Command,
    CommandRunner,
    EndsAlone,
    Pipeline,
    RunningAttempt,
    Step,
    StepContext,
    StepResult,
)
from pipelines.process_tree import marker
from pipelines.step_records import NEVER_RUN, StepRecords
from pipelines.workspace import Workspace

UP_TO_DATE = "same inputs as its last success, and its outputs are unchanged"
ALWAYS_RUNS = "runs every time"
NOT_CLAIMED = "no job is claimed: steps run inside `doit build` only"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a step is up to date, and why or why not."""

    up_to_date: bool
    reason: str


class EchoingRunner:
    """A command runner that shows each line of its commands' output to who watches."""

    def __init__(self, inner: CommandRunner, echo: Callable[[str], None]) -> None:
        self._inner = inner
        self._echo = echo

    @property
    def log(self) -> Path:
        """The step's log file."""
        return self._inner.log

    def check_cancelled(self) -> None:
        """Raise StepCancelled when the build was told to end."""
        self._inner.check_cancelled()

    def run(self, command: Command, on_line: Callable[[str], None] | None = None) -> int:
        """As the runner below, with an eye on each line."""

        def see(line: str) -> None:
            self._echo(line)
            if on_line:
                on_line(line)

        return self._inner.run(command, see)


class StepRunner:
    """Runs steps of the attempt that `attempt()` gives at that moment, None outside a build."""

    def __init__(
        self, attempt: Callable[[], RunningAttempt | None], cancellation: Cancellation
    ) -> None:
        self._attempt = attempt
        self._cancellation = cancellation

    def judge(self, pipeline: Pipeline, step: Step) -> Verdict:
        """Whether the step is up to date; its result may come from another job on this builder."""
        reason = self._reason_to_run(pipeline, step)
        if reason is not None:
            return Verdict(False, reason)
        stamp = self._records().read(step.name)
        origin = stamp.origin if stamp else ""
        return Verdict(
            True,
            f"taken from job {origin}, where its inputs were the same" if origin else UP_TO_DATE,
        )

    def _reason_to_run(self, pipeline: Pipeline, step: Step) -> str | None:
        if self._attempt() is None:
            return NOT_CLAIMED
        try:
            current = self._fingerprint(pipeline, step)
        except PipelineError as error:
            return f"can't tell whether it is up to date: {error}"
        if current is None:
            return ALWAYS_RUNS
        records = self._records()
        reason = records.reason_to_run(step.name, current)
        if reason == NEVER_RUN and self._donors(pipeline).take(step.name, current):
            return records.reason_to_run(step.name, current)
        return reason

    def run(self, pipeline: Pipeline, step: Step) -> StepResult:
        """Run the step and record its success. Raises StepFailed, StepCancelled."""
        records = self._records()
        context = self._context(pipeline, step)
        start = time.monotonic()
        try:
            context.commands.check_cancelled()
            made_from = self._fingerprint(pipeline, step)
            run = records.begin(pipeline, step, made_from) if made_from else None
            result = step.kind.run(step.options, context)
            if run:
                taken = self._donors(pipeline).take_same_tree(step.name, result)
                run = replace(run, id=taken) if taken else run
                records.succeed(step, run, result, time.monotonic() - start)
        except StepFailed as error:
            if error.log is None:
                error.log = context.commands.log
            raise
        except OSError as error:
            raise _os_failure(error, context.commands.log) from error
        return result

    def ended_alone(self, pipeline: Pipeline) -> dict[str, str]:
        """Steps that came to their good end in this attempt, with what was done.

        For the time after this attempt's process was killed, when none of its steps runs any
        more: what ended after the kill gets its record now.
        """
        for step in pipeline.steps:
            self._record_end(pipeline, step)
        stamps = {step.name: self._records().read(step.name) for step in pipeline.steps}
        number = self._running().attempt
        return {
            name: stamp.reason
            for name, stamp in stamps.items()
            if stamp and stamp.attempt == number and not stamp.origin
        }

    def _record_end(self, pipeline: Pipeline, step: Step) -> None:
        run = self._records().broken_off(step.name)
        if run is None or not isinstance(step.kind, EndsAlone):
            return
        result = step.kind.ended_result(step.options, self._context(pipeline, step))
        if result is None:
            return
        # A step that did not make what it says it makes is run again, and fails then.
        with suppress(StepFailed):
            self._records().succeed(step, run, result, None)

    def log(self, step: str) -> str:
        """Path of the log that the step of this attempt writes; empty outside a build."""
        if self._attempt() is None:
            return ""
        return str(self._workspace().log(step))

    def values(self, step: str) -> Mapping[str, Any]:
        """Values of the step's last success; empty when there is none."""
        return self._records().values(step)

    def _running(self) -> RunningAttempt:
        attempt = self._attempt()
        if attempt is None:
            raise StepFailed(FailureCode.BAD_REQUEST, NOT_CLAIMED)
        return attempt

    def _workspace(self) -> Workspace:
        attempt = self._running()
        return Workspace(attempt.state_dir, attempt.job_id, attempt.attempt)

    def _fingerprint(self, pipeline: Pipeline, step: Step) -> Fingerprint | None:
        context = self._context(pipeline, step)
        identity = step.kind.identity(step.options, context)
        if identity is None:
            return None
        return fingerprint(
            step,
            identity=identity,
            builder_env=self._running().declared_env,
            files=input_files(context.workspace.source, step.inputs, context.env),
            upstream=self._records().results(step.needs),
        )

    def _records(self) -> StepRecords:
        return StepRecords(self._workspace())

    def _donors(self, pipeline: Pipeline) -> Donors:
        attempt, workspace = self._running(), self._workspace()
        note = JobNote(
            job=attempt.job_id,
            pipeline=pipeline.name,
            branch=attempt.branch,
            commit=attempt.commit,
            params=dict(attempt.params),
        )
        write_note(workspace.note, note)
        return Donors(workspace, note, self._cancellation)

    def _context(self, pipeline: Pipeline, step: Step) -> StepContext:
        attempt = self._running()
        workspace = self._workspace()
        logged = LoggedCommandRunner(
            workspace.log(step.name),
            marker=marker(workspace, step.name),
            cancellation=self._cancellation,
            deadline=time.monotonic() + step.timeout if step.timeout else None,
        )
        return StepContext(
            step=step.name,
            request=attempt,
            workspace=workspace,
            source=pipeline.source,
            commands=EchoingRunner(logged, lambda line: attempt.show_line(step.name, line)),
            env={**attempt.env, **step.env},
            progress=lambda text: attempt.show_progress(step.name, text),
            upstream={other.kind.name: self.values(other.name) for other in pipeline.steps},
            steps=pipeline.steps,
        )


def _os_failure(error: OSError, log: Path) -> StepFailed:
    where = f": {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StepFailed(FailureCode.DISK_FULL, f"no space is left on the disk{where}", log=log)
    text = "".join(traceback.format_exception(error)[-3:])
    return StepFailed(
        FailureCode.INTERNAL, f"{error.strerror or error}{where}", excerpt=text, log=log
    )
