"""`doit cancel`: end jobs that wait or run, from any machine."""

from __future__ import annotations

from common.cli.command import OPTION_BUILDER, OPTION_JSON
from coordination_tasks.commands.control.acting import (
    OPTION_AS,
    ActingCommand,
    named_jobs,
    show_jobs,
)


class CancelCommand(ActingCommand):
    """doit command."""

    name = "cancel"
    doc_purpose = "end jobs that wait or run, on any builder"
    doc_usage = "JOB... [--reason TEXT] [--as NAME] [--json]"
    doc_description = """
The jobs become `cancelled` at once: all that are named, or none when one of them is unknown or has
ended. The builder of a running job stops its processes when it next looks at the coordination
repository (`observe_every` in builder.yaml), and takes its next job. A cancelled job never runs
again by itself; `doit retry` queues it again.

Exit codes: 0 cancelled, 1 cannot reach the coordination repository, 3 bad usage, an unknown job, or
one that has ended.
"""
    group = "queue"
    cmd_options = (
        {"name": "reason", "long": "reason", "type": str, "default": "",
         "help": "why; shown with the job"},
        OPTION_AS,
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self, reason: str, person: str, json: bool, builder: str, pos_args: list[str]
    ) -> int:
        jobs = named_jobs(pos_args)
        with self.control(builder, person) as control:
            return show_jobs(control.cancel(jobs, reason), json=json)
