"""`doit retry`: queue failed, timed-out or cancelled jobs again."""

from __future__ import annotations

from common.cli.command import OPTION_BUILDER, OPTION_JSON
from coordination_tasks.commands.control.acting import (
    OPTION_AS,
    OPTION_ON,
    ActingCommand,
    named_jobs,
    show_jobs,
)
from coordination_tasks.store.operations.control import NextAttempt


class RetryCommand(ActingCommand):
    """doit command."""

    name = "retry"
    doc_purpose = "queue failed, timed-out or cancelled jobs again"
    doc_usage = "JOB... [--from STEP] [--replan] [--on BUILDER|any] [--as NAME] [--json]"
    doc_description = """
The job keeps its id and its commit, and waits for its next attempt on any builder that matches.
`doit rerun` builds a job here and now instead.

Exit codes: 0 queued, 1 cannot reach the coordination repository, 3 bad usage, an unknown job, or
one that is running or has succeeded.
"""
    group = "queue"
    completes = "jobs"
    cmd_options = (
        {"name": "start", "long": "from", "type": str, "default": "",
         "help": "run this step and all steps that need it, even if they are up to date"},
        {"name": "replan", "long": "replan", "type": bool, "default": False,
         "help": "use the claiming builder's pipelines file, not the plan of an earlier attempt"},
        OPTION_ON,
        OPTION_AS,
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self,
        start: str,
        replan: bool,
        on: str,
        person: str,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        jobs = named_jobs(pos_args)
        following = NextAttempt(wanted_builder=on or None, replan=replan, from_step=start)
        with self.control(builder, person, names=on) as control:
            return show_jobs(control.retry(jobs, following), json=json)
