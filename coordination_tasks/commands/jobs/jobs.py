"""`doit jobs`: the queue, as a table or as JSON."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from common.cli.command import OPTION_JSON, tell
from common.states import State
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.commands.views.farm_page import STATE_STYLES, Section
from coordination_tasks.commands.views.job_filter import (
    FILTER_OPTIONS,
    checked_limit,
    job_filter,
    newest,
)
from coordination_tasks.commands.views.output import write_lines, write_section
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.timestamps import elapsed, utc_now
from coordination_tasks.farm.presence.observations import SILENT, UNKNOWN, Presence
from coordination_tasks.wiring.reading import find_presences, open_reading

_COMMIT_SHOWN = 12


class JobsCommand(FarmCommand):
    """doit command."""

    name = "jobs"
    doc_purpose = "list the jobs of the queue, with their state and reason"
    doc_usage = (
        "[--state STATE] [--branch NAME] [--pipeline NAME] [--builder ID] [--since TIME]"
        " [--limit N] [--json]"
    )
    doc_description = """
While the coordination repository cannot be reached, lists what this host read last.

Exit codes: 0 listed, 1 cannot reach the coordination repository, and nothing was read before,
3 bad usage.
"""
    group = "look"
    cmd_options = (
        *FILTER_OPTIONS,
        {"name": "limit", "long": "limit", "type": int, "default": 0,
         "help": "at most N jobs, those that changed last [default: all]"},
        OPTION_JSON,
    )  # fmt: skip

    def _execute(self, limit: int, json: bool, pos_args: list[str], **selection: Any) -> int:
        no_arguments(pos_args)
        chosen = job_filter(utc_now(), **selection)
        checked_limit(limit)
        config = self.farm.config()
        with open_reading(config, tell) as reading:
            snapshot = reading.snapshot
            problems, found = snapshot.unreadable_jobs(), snapshot.jobs()
            jobs = newest(filter(chosen.takes, found), limit)
            running = any(job.state is State.RUNNING for job in jobs)
            look = running and not reading.outage
            presences = find_presences(config, snapshot) if look else {}
        self.show_outage(reading.outage, json=json)
        for problem in problems:
            tell(f"doit jobs: {problem}")
        if json:
            sys.stdout.write(as_json([_as_json(job, presences) for job in jobs]) + "\n")
        elif jobs:
            write_section(jobs_section(jobs, presences))
        else:
            write_lines(["no job matches" if found else "the queue is empty"])
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


def jobs_section(jobs: Sequence[Job], presences: Mapping[str, Presence]) -> Section:
    """A line a job, with the liveness of the builders of running ones."""
    return Section(
        titles=("JOB", "STATE", "PIPELINE", "BRANCH", "BUILDER", "TRY", "COMMIT", "REASON"),
        rows=[
            (
                job.id,
                f"{job.state}{' (held)' if job.held else ''}",
                job.pipeline or "-",
                job.branch or "-",
                _builder(job, presences),
                str(job.attempt),
                (job.commit or "-")[:_COMMIT_SHOWN],
                job.reason,
            )
            for job in jobs
        ],
        styles=[STATE_STYLES.get(job.state, "") for job in jobs],
        droppable=("COMMIT", "TRY", "PIPELINE"),
    )


def job_as_json(job: Job) -> dict[str, object]:
    """A job for programs, in the model's terms."""
    return {
        "id": job.id,
        "pipeline": job.pipeline,
        "state": job.state.value,
        "branch": job.branch,
        "commit": job.commit,
        "priority": job.priority,
        "trigger": job.trigger or None,
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
