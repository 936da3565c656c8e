"""What triggers change: jobs that they queue, and the pause of one; pure changes of a draft."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from common.settings.triggers import Supersede
from common.states import State
from coordination_tasks.documents.jobs import read_jobs
from coordination_tasks.documents.paths import TRIGGERS
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.secret_scan import refuse_secrets
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.operations.control import Actor, cancel
from coordination_tasks.store.operations.queue import enqueue
from coordination_tasks.store.operations.trigger_state import (
    Pause,
    TriggerState,
    read_states,
    write_state,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """What a builder saw of a trigger, and what is to follow from it."""

    name: str
    before: TriggerState | None
    """The state on which it rests: whoever looked later knows better."""
    after: TriggerState
    jobs: tuple[Job, ...] = ()
    supersede: Supersede = Supersede.NOTHING
    gone: tuple[str, ...] = ()
    """Branches that were deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """What came of it; ids of jobs."""

    queued: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    """Jobs for the same commits, queued before."""
    cancelled: tuple[str, ...] = ()


def fire(draft: Draft, firing: Firing, *, by: str, now: datetime) -> Fired | None:
    """Queue the jobs, cancel those that they supersede, and record what was seen.

    None: another builder recorded something since, and nothing changes. Raises BadRequest.
    """
    if read_states(draft.read(TRIGGERS)).get(firing.name) != firing.before:
        return None
    known, queued = [], []
    for job in firing.jobs:
        if read_jobs(draft).find(job.id):
            known.append(job.id)
        else:
            queued.append(enqueue(draft, job, now=now))
    cancelled = _superseded(draft, firing, queued, by=by, now=now)
    write_state(draft, firing.name, replace(firing.after, by=by, at=firing.after.at or now))
    draft.note(f"{by}: trigger {firing.name} queues {len(queued)} jobs")
    return Fired(
        queued=tuple(job.id for job in queued), known=tuple(known), cancelled=tuple(cancelled)
    )


def _superseded(
    draft: Draft, firing: Firing, queued: list[Job], *, by: str, now: datetime
) -> list[str]:
    if firing.supersede is Supersede.NOTHING:
        return []
    actor = Actor(person=f"trigger {firing.name}", builder=by, now=now)
    why = {job.branch: f"superseded by job {job.id}" for job in queued if job.branch}
    why |= dict.fromkeys(firing.gone, "the branch was deleted")
    new = {job.id for job in queued}
    cancelled = []
    for job in tuple(read_jobs(draft).unfinished()):
        reason = why.get(job.branch or "") if job.trigger == firing.name else None
        ends = job.state is State.QUEUED or firing.supersede is Supersede.RUNNING
        if reason and ends and job.id not in new:
            cancel(draft, job.id, reason, actor)
            cancelled.append(job.id)
    return cancelled


def pause(draft: Draft, name: str, reason: str, *, by: str, now: datetime) -> Pause:
    """Let a trigger start nothing; returns the pause in force, an earlier one if there is one."""
    refuse_secrets("the reason", reason)
    state = read_states(draft.read(TRIGGERS)).get(name) or TriggerState()
    if state.paused:
        return state.paused
    made = Pause(by=by, at=now, reason=reason)
    write_state(draft, name, replace(state, paused=made))
    draft.note(f"pause trigger {name}, by {by}")
    return made


def resume(draft: Draft, name: str, *, by: str) -> Pause | None:
    """End the pause; what happened meanwhile starts nothing. Returns it; None: there was none."""
    state = read_states(draft.read(TRIGGERS)).get(name)
    if state is None or state.paused is None:
        return None
    write_state(draft, name, None)
    draft.note(f"resume trigger {name}, by {by}")
    return state.paused
