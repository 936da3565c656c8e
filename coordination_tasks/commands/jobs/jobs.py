"""`doit jobs`: the queue, as a table or as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from common.states import State
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.commands.tables import PIPE_WIDTH, console
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.timestamps import elapsed
from coordination_tasks.farm.presence.observations import SILENT, UNKNOWN, Presence
from coordination_tasks.wiring.reading import find_presences, open_snapshot

_STYLES = {
    State.RUNNING: "bold cyan",
    State.SUCCEEDED: "green",
    State.FAILED: "bold red",
    State.TIMED_OUT: "bold red",
    State.CANCELLED: "yellow",
}
_COMMIT_SHOWN = 12
_NARROWEST_REASON = 40


class JobsCommand(FarmCommand):
    """doit command."""

    name = "jobs"
    doc_purpose = "list the jobs of the queue, with their state and reason"
    doc_usage = "[--json]"
    doc_description = (
        "Exit codes: 0 listed, 1 cannot reach the coordination repository, 3 bad usage."
    )
    group = "look"
    cmd_options = (OPTION_JSON, OPTION_BUILDER)

    def _execute(self, json: bool, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        config = self.farm.config(builder)
        with open_snapshot(config, tell) as snapshot:
            jobs, problems = snapshot.jobs(), snapshot.unreadable_jobs()
            presences = find_presences(config, snapshot)
        for problem in problems:
            tell(f"doit jobs: {problem}")
        if json:
            sys.stdout.write(as_json([_as_json(job, presences) for job in jobs]) + "\n")
        else:
            print_jobs(jobs, presences)
        return 0


def _as_json(job: Job, presences: Mapping[str, Presence]) -> dict[str, object]:
    presence = _presence(job, presences)
    return job_as_json(job) | {"builder_liveness": presence.liveness if presence else None}


def _presence(job: Job, presences: Mapping[str, Presence]) -> Presence | None:
    """The presence of the builder that is building the job."""
    return presences.get(job.assigned_to or "") if job.state is State.RUNNING else None


def _builder(job: Job, presences: Mapping[str, Presence]) -> str:
    presence = _presence(job, presences)
    told = f" ({presence.liveness})" if presence else ""
    return f"{job.assigned_to or '-'}{told}"


def print_jobs(jobs: Iterable[Job], presences: Mapping[str, Presence] | None = None) -> None:
    """Print a table of jobs, with the liveness of the builders of running ones.

    Without room for the reasons, those of jobs that did not succeed follow below it.
    """
    out, shown, live = console(), list(jobs), presences or {}
    table = _table(shown, live, "commit")
    width = _width(out, table)
    reasons = max((len(job.reason) for job in shown), default=0)
    if not shown:
        out.print("the queue is empty")
    elif width + min(reasons, _NARROWEST_REASON) < out.width:
        out.print(_table(shown, live, "commit", "reason"))
    else:
        out.print(table if width <= out.width else _table(shown, live))
        for job in shown:
            if job.reason and job.state is not State.SUCCEEDED:
                out.print(Text(f"\n{job.id}: {job.reason}"))


def _width(out: Console, table: Table) -> int:
    return Measurement.get(out, out.options.update(width=PIPE_WIDTH), table).maximum


def _table(jobs: Iterable[Job], presences: Mapping[str, Presence], *more: str) -> Table:
    table = Table(box=None)
    for title in ("job", "state", "pipeline", "branch", "builder", "try", *more):
        table.add_column(title, no_wrap=title in ("job", "state", "try"), overflow="fold")
    for job in jobs:
        last = {"commit": (job.commit or "-")[:_COMMIT_SHOWN], "reason": job.reason}
        table.add_row(
            Text(job.id),
            Text(f"{job.state}{' (held)' if job.held else ''}", style=_STYLES.get(job.state, "")),
            Text(job.pipeline or "-"),
            Text(job.branch or "-"),
            Text(_builder(job, presences)),
            str(job.attempt),
            *(Text(last[title]) for title in more),
        )
    return table


def job_as_json(job: Job) -> dict[str, object]:
    """A job for programs, in the model's terms."""
    return {
        "id": job.id,
        "pipeline": job.pipeline,
        "state": job.state.value,
        "branch": job.branch,
        "commit": job.commit,
        "priority": job.priority,
        "wanted_builder": job.wanted_builder,
        "held": job.held or None,
        "assigned_to": job.assigned_to,
        "attempt": job.attempt,
        "reason": job.reason,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "completed_at": job.completed_at,
        "duration_seconds": job.duration_seconds,
    }


def life(presence: Presence) -> str:
    """Whether a builder is alive, as text."""
    still = elapsed(presence.still_for_seconds)
    if presence.liveness == UNKNOWN:
        return f"unknown (watched for only {still}; ask again later)"
    if presence.liveness == SILENT:
        return f"no heartbeat for {still}"
    return f"{presence.liveness}, last heartbeat {still} ago"
