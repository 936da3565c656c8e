"""Records of the steps of one job on this builder, and whether a step must run again."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.domain.conditions import all_needs
from pipelines.domain.pipeline import Pipeline, Step, StepResult
from pipelines.execution.fingerprint import NO_RESULT, Fingerprint, differences
from pipelines.execution.success_records import (
    Run,
    SuccessRecord,
    SuccessRecords,
    boot_id,
    changed_output,
    record_outputs,
)
from pipelines.git.tracked_files import matching_files
from pipelines.workspace.layout import Workspace
from pipelines.workspace.sync import sync_file_system

NEVER_RUN = "its first run for this job on this builder"
UNREADABLE = "the record of its last success is unreadable"
FORGOTTEN = "a new run was requested (rerun, forget or clean)"


class StepRecords:
    """The records of one job's workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._successes = SuccessRecords(workspace.successes)

    def read(self, step: str) -> SuccessRecord | None:
        """The record of the step's success, if there is one."""
        return self._successes.read(step)

    def values(self, step: str) -> Mapping[str, Any]:
        """Values of the step's last success; empty when there is none."""
        success = self._successes.read(step)
        return success.values if success else {}

    def duration(self, step: str) -> float | None:
        """Seconds that the step's last success took; None when that is unknown."""
        success = self._successes.read(step)
        return success.duration_seconds if success else None

    def results(self, steps: Iterable[str]) -> dict[str, str]:
        """Digest of each step's result; NO_RESULT for a step without a record."""
        successes = {step: self._successes.read(step) for step in steps}
        return {
            step: success.result if success else NO_RESULT for step, success in successes.items()
        }

    def reason_to_run(self, step: str, current: Fingerprint) -> str | None:
        """Why the record is not valid for a step with this fingerprint; None when it is."""
        return next(self.reasons_to_run(step, current), None)

    def reasons_to_run(self, step: str, current: Fingerprint) -> Iterator[str]:
        """All reasons why the record is not valid."""
        success = self._successes.read(step)
        if success is None:
            yield self._lack(step)
            return
        for difference in differences(success.fingerprint, current):
            yield difference.text
        for reason in (changed_output(success, self._workspace.root), self._repeated(success)):
            if reason:
                yield reason

    def _lack(self, step: str) -> str:
        """Why there is no record of a success."""
        if self._successes.is_there(step):
            return UNREADABLE
        if why := self._successes.why_forgotten(step):
            return why
        run = self._successes.last_run(step)
        if run is not None:
            return f"it did not succeed in attempt {run.attempt}"
        return FORGOTTEN if self._successes.was_forgotten(step) else NEVER_RUN

    def begin(self, pipeline: Pipeline, step: Step, made_from: Fingerprint) -> Run:
        """Note that the step is about to run, which voids its success. Durable at once."""
        # Before the note: the exit code of an earlier run must never count for this one.
        self._workspace.exit_code(step.name).unlink(missing_ok=True)
        run = Run(
            step=step.name,
            id=uuid.uuid4().hex,
            fingerprint=made_from,
            after=self._runs(all_needs(pipeline, step)),
            attempt=self._workspace.attempt,
            boot_id=boot_id(),
        )
        self._successes.begin(run)
        return run

    def succeed(
        self,
        step: Step,
        run: Run,
        result: StepResult,
        duration_seconds: float | None,
        changed: Collection[str] = (),
    ) -> None:
        """Record the step's success, its outputs first. Durable when this returns.

        `changed` are the paths in the source that it changed. Raises StepFailed (ARTIFACT_MISSING)
        when a declared output is missing.
        """
        source = self._workspace.source
        declared = matching_files(source, step.outputs)
        outputs: list[Path] = [*result.outputs, *declared]
        named = result.complete or bool(step.inputs or step.outputs)
        success = SuccessRecord(
            step=step.name,
            fingerprint=run.fingerprint,
            outputs=record_outputs(outputs, self._workspace.root),
            values=result.values,
            reason=result.reason,
            boot_id=run.boot_id,
            attempt=run.attempt,
            duration_seconds=None if duration_seconds is None else round(duration_seconds, 3),
            run=run.id,
            after=run.after,
            complete=named and not _unnamed(changed, outputs, source),
            digest=result.digest,
        )
        if not success.complete:
            # It may have left anything in the tree, and later steps will use it from there.
            sync_file_system(self._workspace.root)
        self._successes.write(success)

    def was_begun(self, step: str) -> bool:
        """Whether the step ran here or was forgotten: then no other job may provide its result."""
        return self._successes.was_begun(step)

    def broken_off(self, step: str) -> Run | None:
        """The run of the step that started in this attempt and has no record of its end."""
        run = self._successes.last_run(step)
        same = run is not None and (run.attempt, run.boot_id) == (
            self._workspace.attempt,
            boot_id(),
        )
        return run if same and self._successes.read(step) is None else None

    def _runs(self, steps: Iterable[str]) -> dict[str, str]:
        successes = {step: self._successes.read(step) for step in steps}
        return {
            step: success.run if success else ""
            for step, success in successes.items()
            if success is None or not success.left_nothing
        }

    def _repeated(self, success: SuccessRecord) -> str | None:
        """Names an earlier step that has run since and changed files outside its outputs."""
        if success.complete:
            return None
        now = self._runs(success.after)
        changed = [step for step, run in success.after.items() if now.get(step, run) != run]
        return f"step {changed[0]} ran again, and this step has no `outputs`" if changed else None


def _unnamed(changed: Collection[str], outputs: Iterable[Path], source: Path) -> set[str]:
    """The changes of a step in the source tree other than its outputs and their folders."""
    named = [path.relative_to(source) for path in outputs if path.is_relative_to(source)]
    above = {str(folder) for path in named for folder in path.parents}
    return set(changed) - {*map(str, named)} - above
