"""Every trigger of the pipelines of this builder, with what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from common.settings.triggers import Push, Schedule, Triggers
from coordination_tasks.documents.paths import TRIGGERS
from coordination_tasks.domain.model import Job
from coordination_tasks.farm.triggers.record import Look
from coordination_tasks.farm.triggers.requests import AFTER, PUSH, SCHEDULE, trigger_name
from coordination_tasks.store.operations.trigger_state import Pause, read_states
from coordination_tasks.store.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerReport:
    """One trigger."""

    name: str
    pipeline: str
    kind: str
    """`push`, `schedule` or `after`."""
    what: str
    """What it waits for."""
    paused: Pause | None
    look: Look
    """The last one of any builder, as far as it is known."""
    next_run: datetime | None
    """Of a schedule that is not paused."""
    last_job: Job | None
    """The job in the queue that it started last."""

    @property
    def why(self) -> str:
        """Why it starts nothing now, as far as that is known."""
        if self.paused:
            return str(self.paused)
        if self.look.problem:
            return self.look.problem
        if self.look.at is None:
            return "no builder has looked: they do while `doit work` or `doit watch` runs"
        return self.look.said[0] if self.look.said else ""


def trigger_reports(
    triggers: Mapping[str, Triggers],
    snapshot: Snapshot,
    looks: Mapping[str, Look],
    now: datetime,
) -> tuple[TriggerReport, ...]:
    """In the order of the pipelines file. Raises BrokenDocument."""
    states = read_states(snapshot.read(TRIGGERS))
    jobs = snapshot.jobs()
    found = []
    for pipeline, wanted in triggers.items():
        for kind, what in kinds_of(wanted).items():
            name = trigger_name(pipeline, kind)
            paused = states[name].paused if name in states else None
            own = [job for job in jobs if job.trigger == name]
            times = (each.next_after(now) for each in wanted.schedules) if kind == SCHEDULE else ()
            found.append(
                TriggerReport(
                    name=name,
                    pipeline=pipeline,
                    kind=kind,
                    what=what,
                    paused=paused,
                    look=looks.get(name, Look()),
                    next_run=None if paused else min(filter(None, times), default=None),
                    last_job=max(own, key=_age, default=None),
                )
            )
    return tuple(found)


def _age(job: Job) -> tuple[bool, datetime | None]:
    return (job.created_at is not None, job.created_at)


def kinds_of(wanted: Triggers) -> dict[str, str]:
    """The kinds of triggers of a pipeline, each with what it waits for."""
    found = {}
    if wanted.push:
        found[PUSH] = _push_text(wanted.push)
    if wanted.schedules:
        found[SCHEDULE] = "; ".join(map(_schedule_text, wanted.schedules))
    if wanted.after:
        found[AFTER] = f"success of {', '.join(wanted.after)}"
    return found


def _push_text(push: Push) -> str:
    parts = (
        ("branches", push.branches),
        ("tags", push.tags),
        ("paths", push.paths),
    )
    return "; ".join(f"{name} {', '.join(values)}" for name, values in parts if values)


def _schedule_text(schedule: Schedule) -> str:
    return f"{schedule.cron} ({schedule.timezone}), branch {schedule.branch}"
