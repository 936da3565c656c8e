"""`doit clean`: removes the outputs of steps."""

from __future__ import annotations

import sys

from common.cli.command import OPTION_BUILDER
from coordination_tasks.builder.lock import acting_lock
from coordination_tasks.commands.base import FarmCommand
from coordination_tasks.commands.jobs.task_selection import (
    check_job_here,
    job_and_tasks,
    selected_steps,
)
from coordination_tasks.domain.errors import BadRequest


class CleanCommand(FarmCommand):
    """doit command; replaces doit's own."""

    uses_tasks = True
    name = "clean"
    doc_purpose = "remove the outputs of steps"
    doc_usage = "[JOB] [TASK ...] [--clean-all] [--dry-run] [--forget]"
    doc_description = """

Removes the recorded outputs of steps; for git-checkout, the source tree. A step without its
outputs runs again. TASK is a step's task (`cloudstack:maven`), a pipeline, or a pattern with *.
Cleans all jobs on this builder, or only JOB. To remove complete workspaces, use
`doit clean-workspaces`. Stops steps that a killed build left running first.

Exit codes: 0 cleaned, 3 bad usage, or a `doit build` is running here.
"""
    group = "build"
    cmd_options = (
        {"name": "all", "long": "clean-all", "short": "a", "type": bool, "default": False,
         "help": "clean all steps of all pipelines"},
        {"name": "job", "long": "job", "type": str, "default": "",
         "help": "only in this job, like the argument JOB"},
        {"name": "dry", "long": "dry-run", "short": "n", "type": bool, "default": False,
         "help": "only show what would be removed"},
        {"name": "forget", "long": "forget", "short": "", "type": bool, "default": False,
         "help": "forget the steps, too"},
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self,
        all: bool,  # noqa: A002 - doit's word
        job: str,
        dry: bool,
        forget: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        config = self.farm.config(builder)
        workspaces = self.farm.pipelines.workspaces(config.state_dir)
        here = workspaces.jobs()
        job, names = job_and_tasks(job, pos_args, self.task_list, here)
        if not names and not all:
            raise BadRequest("name at least one task, or pass --clean-all")
        chosen = selected_steps(self.task_list, ["*"] if all else names)
        if job:
            check_job_here(job, here)
        with acting_lock(config):
            if not dry:  # steps that a killed build left running keep writing
                workspaces.sweep()
            removed = workspaces.clean(chosen, job or None, dry=dry)
            if forget and not dry:
                workspaces.forget(chosen, job or None)
        for path in removed:
            sys.stdout.write(f"{'would remove' if dry else 'removed'} {path}\n")
        return 0
