"""Runs doit's graph for one job: the claim, the steps, then those that always run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from doit.control import TaskControl
from doit.dependency import Dependency
from doit.reporter import ZeroReporter
from doit.runner import Runner
from doit.task import Stream, Task

from coordination_tasks.display import Display
from coordination_tasks.doit_tasks import CLAIM_TASK
from coordination_tasks.model import State
from coordination_tasks.reporter import StepReporter, step_of
from coordination_tasks.session import Session


@dataclass(frozen=True, slots=True)
class GraphRun:
    """The tasks of this run and what they report to."""

    tasks: Sequence[Task]
    dependencies: Dependency
    session: Session
    display: Display

    def claim(self) -> None:
        """Run the task that claims. Raises what hindered the claim."""
        self._run([CLAIM_TASK], ZeroReporter(None, {}))
        if self.session.claim_error is not None:
            raise self.session.claim_error

    def steps(self, pipeline: str) -> tuple[str, ...]:
        """Names of the pipeline's steps, in the file's order."""
        return tuple(str(step_of(task)) for task in self._step_tasks(pipeline))

    def build(self, pipeline: str) -> None:
        """Run the steps; then, unless the build was told to end, those that always run."""
        by_name = {task.name: task for task in self.tasks}
        reporter = StepReporter(self.session, self.display, by_name)
        self._run([pipeline], reporter)
        left = [task for task in self._step_tasks(pipeline) if self._waits(task)]
        if left and not self.session.cancelled and not self.session.lost:
            names = {task.name for task in left}
            for task in left:
                task.task_dep = [name for name in task.task_dep if name in names]
            self._run(sorted(names), reporter)

    def _step_tasks(self, pipeline: str) -> list[Task]:
        return [
            task
            for task in self.tasks
            if step_of(task) is not None and task.meta["pipeline"] == pipeline
        ]

    def _waits(self, task: Task) -> bool:
        step = step_of(task)
        return step is not None and self.session.state(step) is State.QUEUED and task.meta["always"]

    def _run(self, selection: list[str], reporter: Any) -> None:
        control = TaskControl(list(self.tasks))
        control.process(selection)
        runner = Runner(self.dependencies, reporter, continue_=True, stream=Stream(0))
        runner.run_all(control.task_dispatcher())
