"""`doit rerun`: builds a job once more, from a step on, or only one step."""

from __future__ import annotations

from collections.abc import Sequence

from doit.task import Task

from common.yaml.findings import did_you_mean
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.commands.jobs.build import BUILD_OPTIONS, BuildCommand
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.store.store import Store


class RerunCommand(BuildCommand):
    """doit command."""

    name = "rerun"
    doc_purpose = "build a job again: what failed, from a step on, or one step"
    doc_usage = "JOB [--from STEP] [--only STEP] [--clean] [--replan] [-n N] [--verbose]"
    doc_description = """

Without options as `doit build --job JOB`: what succeeded with the same inputs is not done again.

  --from STEP  the step and all that need it run, whatever is known of them
  --only STEP  the step runs; what else is not up to date is left out, and then the job has failed
  --clean      everything runs, in an empty workspace

Exit codes: as `doit help build` says.
"""
    cmd_options = (
        {"name": "start", "long": "from", "type": str, "default": "",
         "help": "run this step and all that need it"},
        {"name": "only", "long": "only", "type": str, "default": "", "help": "run this step alone"},
        {"name": "clean", "long": "clean", "type": bool, "default": False,
         "help": "begin with an empty workspace"},
        *BUILD_OPTIONS,
    )  # fmt: skip

    def _execute(  # type: ignore[override]  # doit passes a command its own options
        self,
        start: str,
        only: str,
        clean: bool,
        parallel: int,
        replan: bool,
        verbose: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        if len(pos_args) != 1:
            raise BadRequest("which job? `doit jobs` shows them")
        if sum(map(bool, (start, only, clean))) > 1:
            raise BadRequest("--from, --only and --clean exclude each other: take one")
        self._start, self._only, self._clean = start, only, clean
        return self.claim_and_build(
            job=pos_args[0],
            pipeline="",
            parallel=parallel,
            replan=replan,
            verbose=verbose,
            builder=builder,
        )

    def check_before_claim(self, config: BuilderConfig, store: Store, job: str) -> None:
        """The steps that were named have to be there before anything is claimed."""
        pipeline = store.job(job).pipeline or config.default_pipeline
        steps = [task.meta["step"] for task in self._step_tasks(pipeline)]
        for step in filter(None, (self._start, self._only)):
            if steps and step not in steps:
                raise BadRequest(
                    f"pipeline {pipeline} has no step {step[:60]!r}{did_you_mean(step, steps)}"
                )

    def prepare(self, steps: Sequence[Task]) -> None:
        """Forget what has to run again: the job is claimed, and nothing has begun."""
        action = steps[0].actions[0]
        action.start_over(start=self._start, only=self._only, clean=self._clean)

    def _step_tasks(self, pipeline: str | None) -> list[Task]:
        metas = [(task, task.meta or {}) for task in self.task_list]
        return [t for t, meta in metas if "step" in meta and meta["pipeline"] == pipeline]
