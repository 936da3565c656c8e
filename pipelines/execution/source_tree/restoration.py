"""Gives a step the same source tree as on a builder that has never built anything.

The changes of a failed or killed try are undone, and so are those of a step and of later steps
before the step runs again. Changes that cannot be undone are not used: the steps that made them run
again, or the tree is made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from pipelines.domain.conditions import all_needs, with_dependents
from pipelines.domain.errors import PipelineError
from pipelines.domain.pipeline import (
    Pipeline,
)
from pipelines.domain.step_abilities import MakesSource
from pipelines.execution.source_tree.changes import ChangeRecords, Changes
from pipelines.execution.source_tree.snapshot import is_index
from pipelines.execution.source_tree.undo import NotRestorable, undo
from pipelines.execution.source_tree.undo_plan import UndoPlan, plan_undo, remaining
from pipelines.execution.success_records import SuccessRecords
from pipelines.workspace.layout import Workspace

Kept = Callable[[str], Collection[Path]]
"""Folders whose content a step guarantees although it did not succeed."""


class SourceTree:
    """The source tree of one job."""

    def __init__(
        self, pipeline: Pipeline, workspace: Workspace, env: Mapping[str, str], kept: Kept
    ) -> None:
        self._pipeline = pipeline
        self._source = workspace.source
        self._env = env
        self._kept = kept
        self._successes = SuccessRecords(workspace.successes)
        self._makers = [s for s in pipeline.steps if isinstance(s.kind, MakesSource)]
        self.changes = ChangeRecords(workspace.changes, workspace.source, env)

    def prepare(self, has_reason: Callable[[str], bool]) -> None:
        """Before the first step of an attempt: undo the changes of steps that did not succeed.

        Also those of a step that overwrote the files of an earlier one, if it must run again
        according to `has_reason`: the earlier step must know in time.

        A pipeline that checks nothing out begins with an empty folder.
        """
        if not self._makers:
            self._source.mkdir(parents=True, exist_ok=True)
        try:
            unfinished = self.changes.unfinished()
            for step in unfinished:
                self.changes.end(step, {*unfinished} - {step})
            changes = self.changes.all()
        except ValueError as error:
            self._make_anew(str(error))
            return
        known = self._pipeline.by_name
        lost = {s for s in changes if s not in known or self._successes.read(s) is None}
        overwrote = {s for s in changes.keys() - lost if _overwrote(changes[s], changes)}
        self.take_back(lost | {step for step in overwrote if has_reason(step)})

    def make_room(self, step: str) -> frozenset[str]:
        """Before a step runs: undo the earlier changes of it and of the steps after it.

        A read-only step can run again without an effect on the others. Returns the steps that must
        run again although their turn is over.
        """
        success = self._successes.read(step)
        if success is not None and success.left_nothing:
            return frozenset()
        return self.take_back({step}, runs_now=step) - with_dependents(self._pipeline, {step})

    def take_back(self, again: Collection[str], runs_now: str = "") -> frozenset[str]:
        """Undo the changes of these steps and of all that come after or depend on them.

        `runs_now` is the step whose turn it is. Returns the steps whose changes were undone; their
        success records are removed.
        """
        if not again:
            return frozenset()
        changes = self.changes.all()
        steps = with_dependents(self._pipeline, again)
        while True:
            is_kept = self._is_kept(steps)
            plan = plan_undo(steps, changes, is_kept)
            more = with_dependents(self._pipeline, plan.steps)
            if more <= steps:
                break
            steps |= more
        if not plan.steps:
            return frozenset()
        if runs_now in plan.steps:
            self._successes.remove(runs_now)
        self._forget_successes(plan.steps - {runs_now}, again)
        try:
            self._carry_out(plan)
        except NotRestorable as error:
            self._make_anew(str(error))
            return frozenset(self._pipeline.by_name)
        for step in plan.steps:
            self._note_rest(changes[step], plan)
        return frozenset(plan.steps)

    def can_take_back(self, step: str) -> bool:
        """Whether the step can be retried in the present tree."""
        changes = self.changes.all()
        own = changes.get(step)
        if own is None:
            return True
        return not own.shared_with and plan_undo({step}, changes, self._is_kept({step})).steps == {
            step
        }

    def _is_kept(self, steps: Collection[str]) -> Callable[[str, str], bool]:
        """Content that steps guarantee; none of steps after another one that runs again."""
        folders: dict[str, tuple[str, ...]] = {}

        def is_kept(step: str, path: str) -> bool:
            if step not in folders:
                folders[step] = self._vouched_for(step, steps)
            return any(path == f or path.startswith(f"{f}/") for f in folders[step])

        return is_kept

    def _vouched_for(self, name: str, steps: Collection[str]) -> tuple[str, ...]:
        step = self._pipeline.by_name.get(name)
        if step is None or not {*steps}.isdisjoint(all_needs(self._pipeline, step)):
            return ()
        try:
            folders = self._kept(name)
        except (PipelineError, OSError):
            return ()
        root = self._source
        return tuple(str(f.relative_to(root)) for f in folders if f != root and root in f.parents)

    def _forget_successes(self, steps: Collection[str], again: Collection[str]) -> None:
        first = next((step.name for step in self._pipeline.steps if step.name in again), "")
        for step in steps:
            if self._successes.is_there(step):
                why = (
                    "a step before this one runs again, and both changed the same files"
                    if step == first
                    else f"step {first} runs again, so the changes of this step were removed"
                )
                self._successes.invalidate(step, why)

    def _carry_out(self, plan: UndoPlan) -> None:
        indexes = [path for path in plan.restore if is_index(path)]
        for path in indexes:
            self.changes.restore_index(path, plan.steps)
        files = {path: mode for path, mode in plan.restore.items() if path not in indexes}
        if self._source.is_dir():
            undo(UndoPlan(plan.steps, plan.remove, files), self._source, self._env)

    def _note_rest(self, changes: Changes, plan: UndoPlan) -> None:
        rest = remaining(changes, plan)
        if rest.paths:
            self.changes.write(rest)
        else:
            self.changes.forget(changes.step)

    def _make_anew(self, why: str) -> None:
        for step in self._makers or self._pipeline.steps:
            self._successes.invalidate(step.name, f"the source tree cannot be restored: {why}")
        self.changes.forget_all()


def _overwrote(own: Changes, changes: Mapping[str, Changes]) -> bool:
    return any(
        not own.changed.keys().isdisjoint(other.paths)
        for other in changes.values()
        if other.step != own.step
    )
