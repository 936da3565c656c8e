"""`doit forget`: makes steps run again although nothing changed."""

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


class ForgetCommand(FarmCommand):
    """doit command; replaces doit's own."""

    uses_tasks = True
    name = "forget"
    doc_purpose = "forget that steps succeeded, so that they run again"
    doc_usage = "[JOB] [TASK ...] [--all]"
    doc_description = """

TASK is a step's task (`cloudstack:maven`), a pipeline, or a pattern with *. Forgets the steps in
all jobs on this builder, or only in JOB; keeps their outputs.

Exit codes: 0 forgotten, 3 bad usage, or a `doit build` is running here.
"""
    group = "build"
    cmd_options = (
        {"name": "all", "long": "all", "short": "a", "type": bool, "default": False,
         "help": "forget all steps of all pipelines"},
        {"name": "job", "long": "job", "type": str, "default": "",
         "help": "only in this job, like the argument JOB"},
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(self, all: bool, job: str, builder: str, pos_args: list[str]) -> int:  # noqa: A002
        config = self.farm.config(builder)
        workspaces = self.farm.pipelines.workspaces(config.state_dir)
        here = workspaces.jobs()
        job, names = job_and_tasks(job, pos_args, self.task_list, here)
        if not names and not all:
            raise BadRequest("name at least one task, or pass --all")
        chosen = selected_steps(self.task_list, ["*"] if all else names)
        if job:
            check_job_here(job, here)
        with acting_lock(config):
            forgotten = list(workspaces.forget(chosen, job or None))
        for job_id, step in forgotten:
            sys.stdout.write(f"forgot {step} of job {job_id}\n")
        if not forgotten:
            sys.stdout.write(
                "none of these steps has succeeded here; none will be reused from another job\n"
            )
        return 0
