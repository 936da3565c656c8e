"""Runs doit's graph for one job: the claim, then the steps, in parallel if requested."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from queue import Queue
from threading import Thread
from typing import Any

from doit.control import ExecNode, TaskControl
from doit.dependency import Dependency
from doit.loader import generate_tasks
from doit.reporter import ZeroReporter
from doit.runner import MThreadRunner, Runner
from doit.task import Stream, Task

from common.yaml.findings import did_you_mean
from coordination_tasks.build.attempt.attempt_log import AttemptLog
from coordination_tasks.build.attempt.claim_action import ClaimAction
from coordination_tasks.build.display.display import Display
from coordination_tasks.build.display.reporter import StepReporter, step_of
from coordination_tasks.build.doit_tasks import CLAIM_TASK
from coordination_tasks.domain.errors import BadRequest


class StepsRunner(MThreadRunner):  # type: ignore[misc]
    """doit's runner with threads; a step's own condition decides whether it runs after a failure.

    A step's action provides `reason_to_skip(states)`. Nothing starts once the build must stop.
    """

    def __init__(
        self,
        dependencies: Dependency,
        reporter: StepReporter,
        parallel: int,
        check_claim: Callable[[], None],
    ) -> None:
        super().__init__(
            dependencies, reporter, continue_=True, stream=Stream(0), num_process=parallel
        )
        self._check_claim = check_claim
        self.error: BaseException | None = None
        """The first error while reporting a step."""
        self._workers: list[Thread] = []
        self._job_queue: Queue[None] = Queue()

    def _run_start_processes(self, job_q: Queue[None], result_q: Queue[Any]) -> list[Thread]:
        self._job_queue = job_q
        self._workers = super()._run_start_processes(job_q, result_q)
        return self._workers

    def execute_task(self, task: Task) -> Any:
        """Run a task in its thread; doit's main thread gets only the text of an exception."""
        try:
            return super().execute_task(task)
        except BaseException as error:
            self.error = self.error or error
            raise

    def join(self) -> None:
        """Wait until no step is running, after the run was aborted."""
        for _ in self._workers:
            self._job_queue.put(None)
        for worker in self._workers:
            worker.join()

    def select_task(self, node: ExecNode, tasks: dict[str, Task]) -> bool:
        """doit's hook: whether to execute the task now."""
        task = node.task
        if step_of(task) is None:
            return bool(super().select_task(node, tasks))
        node.bad_deps.clear()
        if self.reporter.skip_unwanted(task):
            node.run_status = "up-to-date"
            return False
        if not super().select_task(node, tasks):
            return False
        self._check_claim()
        if self.reporter.skip_stopped(task):
            node.run_status = "up-to-date"
            return False
        return True


@dataclass(frozen=True, slots=True)
class TaskRun:
    """The tasks of this run and their reporter."""

    tasks: Sequence[Task]
    dependencies: Dependency
    display: Display

    def claim(self, action: ClaimAction) -> AttemptLog:
        """Run the task that claims, which has this action. Raises the error of the claim."""
        self._run([CLAIM_TASK], Runner(self.dependencies, ZeroReporter(None, {})))
        if action.error is not None:
            raise action.error
        return action.log()

    def with_tasks(self, made: Iterable[dict[str, Any]]) -> TaskRun:
        """A run of only the claim and these tasks, each as a dictionary for doit."""
        claim = [task for task in self.tasks if task.name == CLAIM_TASK]
        tasks: list[Task] = generate_tasks("plan", (task for task in made))
        return replace(self, tasks=[*claim, *tasks])

    def only(self, pipeline: str, steps: Collection[str]) -> TaskRun:
        """A run of only these steps and what they need. Raises BadRequest for an unknown one."""
        by_name = {task.name: task for task in self.tasks}
        known = self.steps(pipeline)
        for step in steps:
            if step not in known:
                raise BadRequest(
                    f"unknown step {step[:60]!r} of pipeline {pipeline}{did_you_mean(step, known)}"
                )
        kept: set[str] = set()
        waiting = [f"{pipeline}:{step}" for step in steps]
        while waiting:
            name = waiting.pop()
            if name not in kept:
                kept.add(name)
                waiting += by_name[name].task_dep
        group = by_name[pipeline]
        group.task_dep = [name for name in group.task_dep if name in kept]
        return replace(self, tasks=[t for t in self.tasks if t is group or t.name in kept])

    def steps(self, pipeline: str | None) -> tuple[str, ...]:
        """Names of the pipeline's steps, in the file's order."""
        return tuple(
            step
            for task in self.tasks
            if (step := step_of(task)) is not None and task.meta["pipeline"] == pipeline
        )

    def build(
        self, pipeline: str, parallel: int, log: AttemptLog, check_claim: Callable[[], None]
    ) -> None:
        """Run the steps, at most `parallel` at once; stop running steps if anything else fails.

        `check_claim` is called before each step that runs. Raises an error while reporting a step,
        like NotDurable.
        """
        reporter = StepReporter(log, self.display)
        runner = StepsRunner(self.dependencies, reporter, parallel, check_claim)
        try:
            self._run([pipeline], runner)
        except BaseException as error:
            first = runner.error or error
            log.stop.break_off(first)
            runner.join()
            raise first from None

    def _run(self, selection: list[str], runner: Any) -> None:
        control = TaskControl(list(self.tasks))
        control.process(selection)
        runner.run_all(control.task_dispatcher())
