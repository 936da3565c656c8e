"""`doit set`: change the settings of queued jobs."""

from __future__ import annotations

from common.cli.command import OPTION_BUILDER, OPTION_JSON
from coordination_tasks.commands.control.acting import (
    OPTION_AS,
    OPTION_ON,
    ActingCommand,
    named_jobs,
    show_jobs,
)
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.store.operations.control import JobChange


class SetCommand(ActingCommand):
    """doit command."""

    name = "set"
    doc_purpose = "change the priority of queued jobs, hold them, choose their builder"
    doc_usage = "JOB... [--priority N] [--on BUILDER|any] [--hold|--unhold] [--as NAME] [--json]"
    doc_description = """
A held job stays in the queue, and no builder claims it until it is released with --unhold.

Exit codes: 0 changed, 1 cannot reach the coordination repository, 3 bad usage, an unknown job, or
one that is not queued.
"""
    group = "queue"
    completes = "jobs"
    cmd_options = (
        {"name": "priority", "long": "priority", "type": int, "default": None,
         "help": "1 is first, 10 last"},
        OPTION_ON,
        {"name": "hold", "long": "hold", "type": bool, "default": False,
         "help": "let no builder claim it"},
        {"name": "unhold", "long": "unhold", "type": bool, "default": False,
         "help": "let builders claim it again"},
        OPTION_AS,
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self,
        priority: int | None,
        on: str,
        hold: bool,
        unhold: bool,
        person: str,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        jobs = named_jobs(pos_args)
        if hold and unhold:
            raise BadRequest("--hold and --unhold exclude each other")
        change = JobChange(
            priority=priority,
            wanted_builder=on or None,
            hold=hold if hold or unhold else None,
        )
        if change == JobChange():
            raise BadRequest("expected --priority, --on, --hold or --unhold")
        with self.control(builder, person, names=on) as control:
            return show_jobs(control.change(jobs, change), json=json)
