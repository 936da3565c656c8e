"""The jobs that triggers queue. Pure: the same cause makes the same id on each builder."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

from common.settings.triggers import Schedule
from coordination_tasks.domain.model import Job
from coordination_tasks.farm.triggers.moves import Move

PUSH, SCHEDULE, AFTER = "push", "schedule", "after"
_OTHER = re.compile(r"[^A-Za-z0-9._+@=,-]+|\.\.+")
_LONGEST = 150
_SHORT = 12


def trigger_name(pipeline: str, kind: str) -> str:
    """How a trigger is called: `cloudstack/push`."""
    return f"{pipeline}/{kind}"


def job_of_move(pipeline: str, move: Move) -> Job:
    """The job for a branch or tag that moved."""
    what = f"tag {move.name}" if move.is_tag else f"branch {move.name}"
    return Job(
        id=_job_id(pipeline, move.name, move.commit[:_SHORT]),
        pipeline=pipeline,
        branch=None if move.is_tag else move.name,
        commit=move.commit,
        description=f"push to {what}",
        trigger=trigger_name(pipeline, PUSH),
        queued_by=f"trigger {trigger_name(pipeline, PUSH)}",
    )


def job_of_run(pipeline: str, schedule: Schedule, due: datetime) -> Job:
    """The job for a time of a schedule."""
    return Job(
        id=_job_id(pipeline, schedule.branch, f"{due:%Y%m%dT%H%MZ}"),
        pipeline=pipeline,
        branch=schedule.branch,
        description=f"schedule {schedule.cron} ({schedule.timezone})",
        trigger=trigger_name(pipeline, SCHEDULE),
        queued_by=f"trigger {trigger_name(pipeline, SCHEDULE)}",
    )


def job_after(pipeline: str, done: Job) -> Job:
    """The job that follows another one."""
    return Job(
        id=_job_id(pipeline, "after", done.id),
        pipeline=pipeline,
        branch=done.branch,
        commit=done.commit,
        priority=done.priority,
        description=f"after job {done.id}",
        trigger=trigger_name(pipeline, AFTER),
        queued_by=f"trigger {trigger_name(pipeline, AFTER)}",
    )


def _job_id(pipeline: str, *parts: str) -> str:
    """Readable; a digest tells apart what would look alike, since branches can have any letters."""
    text = "-".join((pipeline, *parts))
    plain = _OTHER.sub("-", text)
    if plain == text and len(text) <= _LONGEST:
        return text
    return f"{plain[:_LONGEST]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
