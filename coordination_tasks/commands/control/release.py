"""`doit release`: queue a running job again that nobody builds."""

from __future__ import annotations

from common.cli.command import OPTION_BUILDER, OPTION_JSON
from coordination_tasks.commands.control.acting import (
    OPTION_AS,
    OPTION_REASON,
    ActingCommand,
    named_jobs,
    show_jobs,
)


class ReleaseCommand(ActingCommand):
    """doit command."""

    name = "release"
    doc_purpose = "queue running jobs again that their builder does not build"
    doc_usage = "JOB... [--force] [--reason TEXT] [--as NAME] [--json]"
    doc_description = """
For a job that stays `running` although its builder, often one of an older program, builds it no
longer: `doit fsck` names such jobs. All named jobs are queued again, or none if one of them is
unknown or not running. Without --force each builder must say in its status that it does something
else. A builder that builds the job after all loses it, and stops.

Exit codes: 0 released, 1 cannot reach the coordination repository, 3 bad usage, an unknown job, or
one that is not running or whose builder does not say that it does something else.
"""
    group = "queue"
    completes = "jobs"
    cmd_options = (
        {"name": "force", "long": "force", "type": bool, "default": False,
         "help": "whatever the builder says"},
        OPTION_REASON,
        OPTION_AS,
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self,
        force: bool,
        reason: str,
        person: str,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        jobs = named_jobs(pos_args)
        with self.control(builder, person) as control:
            released = control.release(jobs, reason, force=force)
        return show_jobs(released, json=json)
