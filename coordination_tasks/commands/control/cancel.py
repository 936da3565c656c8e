"""`doit cancel`: cancel queued or running jobs, from any machine."""

from __future__ import annotations

from collections.abc import Sequence

from common.cli.command import OPTION_BUILDER, OPTION_JSON
from coordination_tasks.builder.acting_person import Acting, acting
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.commands.control.acting import (
    OPTION_AS,
    OPTION_REASON,
    ActingCommand,
    named_jobs,
    open_control,
    show_jobs,
)
from coordination_tasks.domain.model import Job, is_builder_id
from coordination_tasks.farm.wake_call import wake


class CancelCommand(ActingCommand):
    """doit command."""

    name = "cancel"
    doc_purpose = "cancel queued or running jobs, on any builder"
    doc_usage = "JOB... [--reason TEXT] [--as NAME] [--json]"
    doc_description = """
The jobs become `cancelled` at once: all named ones, or none if one of them is unknown or has ended.
The builder of a running job stops its processes at its next check of the coordination repository:
at once if it is on this host, otherwise within `observe_every` of its builder.yaml. A cancelled job
never runs again by itself; `doit retry` queues it again.

Exit codes: 0 cancelled, 1 cannot reach the coordination repository, 3 bad usage, an unknown job, or
one that has ended.
"""
    group = "queue"
    completes = "jobs"
    cmd_options = (OPTION_REASON, OPTION_AS, OPTION_JSON, OPTION_BUILDER)

    def _execute(
        self, reason: str, person: str, json: bool, builder: str, pos_args: list[str]
    ) -> int:
        jobs = named_jobs(pos_args)
        cancelled = cancel_jobs(self.farm.config(builder), acting(person), jobs, reason)
        return show_jobs(cancelled, json=json)


def cancel_jobs(
    config: BuilderConfig, who: Acting, jobs: Sequence[str], reason: str
) -> tuple[Job, ...]:
    """Cancel all of the jobs or none, and wake their builders on this host.

    Raises NotFound, Conflict, and what a transaction raises.
    """
    with open_control(config, who) as control:
        cancelled = control.cancel(jobs, reason)
    builders_here = config.state_dir.parent
    for job in cancelled:
        if job.assigned_to and is_builder_id(job.assigned_to):
            wake(builders_here / job.assigned_to)
    return cancelled
