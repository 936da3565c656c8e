"""`doit status`: what each builder does, and what happened in a job step by step."""

from __future__ import annotations

import sys
from typing import Any

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
)
from coordination_tasks.display import elapsed
from coordination_tasks.jobs_command import job_as_json, print_jobs
from coordination_tasks.model import Job, State, Transition
from coordination_tasks.snapshot import Snapshot


class StatusCommand(FarmCommand):
    """doit command."""

    name = "status"
    doc_purpose = "show builders and queue, or with --job the steps of a job"
    doc_usage = "[--job ID] [--json]"
    doc_description = (
        "Exit codes: 0 shown, 1 the coordination repository can't be reached, 3 usage."
    )
    cmd_options = (
        {"name": "job", "long": "job", "type": str, "default": "", "help": "id of a job"},
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(self, job: str, json: bool, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        with open_store(self.read_config(builder)) as store:
            snapshot = store.snapshot()
        if job:
            found = snapshot.job(job)
            steps = snapshot.transitions(job)
            _write_json(_job_report(found, steps)) if json else _print_job(found, steps)
        elif json:
            _write_json(_farm_report(snapshot))
        else:
            _print_farm(snapshot)
        return 0


def _write_json(value: Any) -> None:
    sys.stdout.write(as_json(value) + "\n")


def _farm_report(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "builders": [
            {
                "builder": status.builder,
                "status": status.status,
                "current_job": status.current_job,
                "last_build": status.last_build,
                "system": status.system,
                "heartbeat_at": status.heartbeat_at,
            }
            for status in map(snapshot.builder_status, snapshot.builders())
        ],
        "jobs": [job_as_json(job) for job in snapshot.jobs()],
    }


def _job_report(job: Job, transitions: tuple[Transition, ...]) -> dict[str, Any]:
    return {
        **job_as_json(job),
        "transitions": [
            {
                "attempt": t.attempt,
                "step": t.step,
                "from": t.from_state.value,
                "to": t.to_state.value,
                "at": t.at,
                "builder": t.builder,
                "reason": t.reason,
                "duration_seconds": t.duration_seconds,
                "log": t.log,
                "details": t.details,
            }
            for t in transitions
        ],
    }


def _print_farm(snapshot: Snapshot) -> None:
    out = console()
    table = Table("builder", "status", "job", "last build", "last sign of life", box=None)
    for name in snapshot.builders():
        status = snapshot.builder_status(name)
        table.add_row(
            Text(name),
            Text(status.status),
            Text(str((status.current_job or {}).get("id", "-"))),
            Text(_last_build(status.last_build)),
            Text(str(status.heartbeat_at or "-")),
        )
    out.print(table if table.row_count else "no builder has reported yet")
    out.print()
    print_jobs(snapshot.jobs())


def _last_build(build: Any) -> str:
    return f"{build.get('id')} {build.get('status')}" if build else "-"


def _print_job(job: Job, transitions: tuple[Transition, ...]) -> None:
    out = console()
    print_jobs([job])
    for number in sorted({t.attempt for t in transitions}):
        out.print(f"\nattempt {number}")
        table = Table("step", "state", "time", "reason", box=None)
        for transition in transitions:
            if transition.attempt == number and transition.to_state is not State.RUNNING:
                seconds = transition.duration_seconds
                table.add_row(
                    Text(transition.step or "(job)"),
                    Text(transition.to_state),
                    elapsed(seconds) if seconds is not None else "",
                    Text(transition.reason),
                )
        out.print(table)
