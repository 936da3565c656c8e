"""Reuses results of other jobs on this builder.

Only files pass from one job to another, never a tree: the outputs of a step that also declares its
inputs, or files that its kind guarantees. They are copied (as reflinks where the file system has
them) and compared with the digests on record. Only the builder's one running build, and the
commands that wait for it, use workspaces, so none changes while it is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipelines.domain.conditions import all_needs
from pipelines.domain.errors import StepFailed
from pipelines.domain.pipeline import Pipeline, Step
from pipelines.execution.fingerprint import Fingerprint, first_difference
from pipelines.execution.source_tree.changes import ChangeRecords
from pipelines.execution.success_records import (
    SuccessRecord,
    SuccessRecords,
    boot_id,
    changed_output,
    record_outputs,
)
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.capture import capture
from pipelines.workspace.containment import lies_below
from pipelines.workspace.job_metadata import JobNote, read_note
from pipelines.workspace.layout import Workspace

_MOST_LOOKED_AT = 10
_COPY_SECONDS = 3600.0


class OtherJobs:
    """The results that one job may reuse from other jobs with the same pipeline and params."""

    def __init__(
        self,
        workspace: Workspace,
        note: JobNote,
        pipeline: Pipeline,
        changes: ChangeRecords,
        cancellation: Cancellation,
    ) -> None:
        self._own = workspace
        self._successes = SuccessRecords(workspace.successes)
        self._note = note
        self._pipeline = pipeline
        self._changes = changes
        self._cancellation = cancellation

    def take(self, step: Step, current: Fingerprint) -> bool:
        """Reuse the outputs of a step without a record here from a job with the same inputs.

        Returns whether there was one. Raises StepFailed, StepCancelled, OSError.
        """
        if not self._own.source.is_dir():
            return False
        for other, note in self._others():
            success = SuccessRecords(other.successes).read(step.name)
            if (
                success is not None
                and self._may_pass(step, success)
                and first_difference(success.fingerprint, current) is None
                and changed_output(success, other.root) is None
            ):
                copied = self._copy(other, success, note)
                if copied is not None:
                    self._successes.write(copied)
                return copied is not None
        return False

    def what_changed(self, step: str, current: Fingerprint) -> str | None:
        """The difference from the newest other job that has a record of the step, as text."""
        for other, note in self._others():
            success = SuccessRecords(other.successes).read(step)
            if success:
                difference = first_difference(success.fingerprint, current)
                return f"since job {note.job}, {difference.text}" if difference else None
        return None

    def _others(self) -> Iterator[tuple[Workspace, JobNote]]:
        folders = [f for f in self._own.root.parent.iterdir() if (f / "stamps").is_dir()]
        folders.sort(key=lambda folder: (folder / "stamps").stat().st_mtime_ns, reverse=True)
        for folder in [f for f in folders if f != self._own.root][:_MOST_LOOKED_AT]:
            note = read_note(folder / "job.json")
            if (
                note
                and note.trusted
                and (note.pipeline, note.params) == (self._note.pipeline, self._note.params)
            ):
                yield Workspace(self._own.state_dir, note.job), note

    def _may_pass(self, step: Step, success: SuccessRecord) -> bool:
        """Whether the outputs are everything that the step makes, and their dependencies are known.

        A step without declared inputs depends on the whole tree, which is known if everything that
        earlier steps made in it has a digest.
        """
        if not (success.complete and success.outputs) or any(map(_is_outside, success.outputs)):
            return False
        if step.inputs:
            return bool(step.outputs)
        before = map(self._successes.read, all_needs(self._pipeline, step))
        return all(made and (made.complete or made.digest is not None) for made in before)

    def _copy(
        self, other: Workspace, success: SuccessRecord, note: JobNote
    ) -> SuccessRecord | None:
        """Copy the outputs; returns their record here, or None when they are not as recorded.

        The oldest first, so that a tool that compares times finds them in their order.
        """
        self._changes.begin(success.step)
        names = sorted(success.outputs, key=lambda name: success.outputs[name].mtime_ns)
        complete = all(self._copy_file(other.root / name, self._own.root / name) for name in names)
        self._changes.end(success.step)
        if not complete:
            return None
        outputs = record_outputs(
            [self._own.root / name for name in success.outputs], self._own.root
        )
        if any(outputs[name].digest != record.digest for name, record in success.outputs.items()):
            return None
        return replace(
            success, outputs=outputs, boot_id=boot_id(), origin=success.origin or note.job
        )

    def _copy_file(self, source: Path, target: Path) -> bool:
        # A link in the tree may point anywhere.
        if not lies_below(target, self._own.root) or target.is_dir():
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            done = capture(
                ("cp", "-T", "--preserve=mode", "--reflink=auto", "--", str(source), str(target)),
                cwd=self._own.root,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                timeout=_COPY_SECONDS,
                cancellation=self._cancellation,
            )
        except StepFailed:
            return False
        return done.code == 0


def _is_outside(name: str) -> bool:
    return Path(name).is_absolute()
