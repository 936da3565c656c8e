"""`doit jobs`: the queue, as a table or as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

from rich.table import Table
from rich.text import Text

from coordination_tasks.command import (
    OPTION_BUILDER,
    OPTION_JSON,
    FarmCommand,
    as_json,
    console,
    no_arguments,
    open_store,
    tell,
)
from coordination_tasks.display import elapsed
from coordination_tasks.model import Job, State
from coordination_tasks.presence import live_farm
from coordination_tasks.sightings import UNKNOWN, Presence

_STYLES = {
    State.RUNNING: "bold cyan",
    State.SUCCEEDED: "green",
    State.FAILED: "bold red",
    State.TIMED_OUT: "bold red",
    State.CANCELLED: "yellow",
}
_COMMIT_SHOWN = 12


class JobsCommand(FarmCommand):
    """doit command."""

    name = "jobs"
    doc_purpose = "list the jobs of the queue, with their state and reason"
    doc_usage = "[--json]"
    doc_description = (
        "Exit codes: 0 listed, 1 the coordination repository can't be reached, 3 usage."
    )
    cmd_options = (OPTION_JSON, OPTION_BUILDER)

    def _execute(self, json: bool, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        config = self.read_config(builder)
        with open_store(config) as store:
            snapshot = store.snapshot()
            presences = live_farm(config, snapshot).presences
        for problem in snapshot.unreadable_jobs():
            tell(f"doit jobs: {problem}")
        if json:
            jobs = [_as_json(job, presences) for job in snapshot.jobs()]
            sys.stdout.write(as_json(jobs) + "\n")
        else:
            print_jobs(snapshot.jobs(), presences)
        return 0


def _as_json(job: Job, presences: Mapping[str, Presence]) -> dict[str, object]:
    presence = _presence(job, presences)
    return job_as_json(job) | {"builder_liveness": presence.liveness if presence else None}


def _presence(job: Job, presences: Mapping[str, Presence]) -> Presence | None:
    """Of the builder that is to build the job now."""
    return presences.get(job.assigned_to or "") if job.state is State.RUNNING else None


def _builder(job: Job, presences: Mapping[str, Presence]) -> str:
    presence = _presence(job, presences)
    told = f" ({presence.liveness})" if presence else ""
    return f"{job.assigned_to or '-'}{told}"


def print_jobs(jobs: Iterable[Job], presences: Mapping[str, Presence] | None = None) -> None:
    """A table of jobs on stdout, with who lives of the builders of running ones."""
    table = Table(box=None)
    for title in ("job", "state", "pipeline", "branch", "commit", "builder", "try"):
        table.add_column(title, no_wrap=title in ("job", "state", "try"))
    table.add_column("reason", overflow="fold")
    for job in jobs:
        table.add_row(
            Text(job.id),
            Text(job.state, style=_STYLES.get(job.state, "")),
            Text(job.pipeline or "-"),
            Text(job.branch or "-"),
            Text((job.commit or "-")[:_COMMIT_SHOWN]),
            Text(_builder(job, presences or {})),
            str(job.attempt),
            Text(job.reason),
        )
    console().print(table if table.row_count else "the queue is empty")


def job_as_json(job: Job) -> dict[str, object]:
    """A job for programs: the model's words."""
    return {
        "id": job.id,
        "pipeline": job.pipeline,
        "state": job.state.value,
        "branch": job.branch,
        "commit": job.commit,
        "priority": job.priority,
        "assigned_to": job.assigned_to,
        "attempt": job.attempt,
        "reason": job.reason,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "completed_at": job.completed_at,
        "duration_seconds": job.duration_seconds,
    }


def life(presence: Presence) -> str:
    """Whether a builder lives, in words."""
    if presence.liveness == UNKNOWN:
        return f"unknown: seen for {elapsed(presence.still_for)} only, look again later"
    return f"{presence.liveness}, moved {elapsed(presence.still_for)} ago"
