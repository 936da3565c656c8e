"""`doit rerun`: builds a job once more, from a step on, or only one step."""

from __future__ import annotations

from typing import ClassVar

from coordination_tasks.build.run import BuildRequest, StartOver
from coordination_tasks.builder.acting_person import acting
from coordination_tasks.commands.base import FarmCommand
from coordination_tasks.commands.control.acting import OPTION_AS
from coordination_tasks.commands.jobs.build import BUILD_OPTIONS, build_and_show, build_tools
from coordination_tasks.domain.errors import BadRequest


class RerunCommand(FarmCommand):
    """doit command."""

    name = "rerun"
    doc_purpose = "build a job again: only what failed, from a step on, or one step"
    doc_usage = (
        "JOB [--from STEP] [--only STEP] [--clean] [--replan] [-n N] [--as NAME] [--verbose|--json]"
    )
    doc_description = """

Builds here and now; `doit retry` queues the job for any builder instead. Without options like
`doit build --job JOB`: finished steps with the same inputs are not repeated.

  --from STEP  run the step and all steps that need it, even if they are up to date
  --only STEP  run the step; skip other steps that are not up to date, and then fail the job
  --clean      run everything, in an empty workspace

Exit codes: see `doit help build`.
"""
    group = "build"
    completes = "jobs"
    uses_tasks = execute_tasks = True

    cmd_options: ClassVar = (
        {"name": "start", "long": "from", "type": str, "default": "",
         "help": "run this step and all steps that need it"},
        {"name": "only", "long": "only", "type": str, "default": "", "help": "run only this step"},
        {"name": "clean", "long": "clean", "type": bool, "default": False,
         "help": "start with an empty workspace"},
        OPTION_AS,
        *BUILD_OPTIONS,
    )  # fmt: skip

    def _execute(  # noqa: PLR0917 - doit passes options by their names
        self,
        start: str,
        only: str,
        clean: bool,
        person: str,
        parallel: int,
        replan: bool,
        verbose: bool,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        if len(pos_args) != 1:
            raise BadRequest("expected the id of one job; `doit jobs` shows them")
        if sum(map(bool, (start, only, clean))) > 1:
            raise BadRequest("--from, --only and --clean exclude each other")
        who, config = acting(person), self.farm.config(builder)
        return build_and_show(
            BuildRequest(
                job=pos_args[0],
                person=who.person,
                parallel=parallel,
                replan=replan,
                start_over=StartOver(start=start, only=only, clean=clean),
                tools=build_tools(self, config, verbose=verbose, json=json, who=who),
            )
        )
