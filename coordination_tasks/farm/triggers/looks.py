"""Looks at the triggers of all pipelines, in the turns of a watch.

A source may take long to answer, and a watch has to send heartbeats: so a look has a thread of its
own, one at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from common.errors import ApplicationError, one_line
from common.settings.triggers import Push, Schedule, Supersede
from common.states import State
from coordination_tasks.documents.paths import TRIGGERS
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.timestamps import format_time
from coordination_tasks.farm.triggers.moves import Move, find_moves
from coordination_tasks.farm.triggers.record import Look, LookRecord
from coordination_tasks.farm.triggers.requests import (
    AFTER,
    PUSH,
    SCHEDULE,
    job_after,
    job_of_move,
    job_of_run,
    trigger_name,
)
from coordination_tasks.farm.triggers.source import WatchedSource
from coordination_tasks.store.operations.queue import check_request
from coordination_tasks.store.operations.trigger_state import TriggerState, read_states
from coordination_tasks.store.operations.triggers import Fired, Firing, fire
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store

_LONGEST = 300.0
_TOLERATED = timedelta(minutes=5)
"""A recorded time that is later than now by more comes from a builder with a wrong clock."""


def _unsigned(job: Job, after: Job | None) -> Job:  # noqa: ARG001 - as a signer
    return job


@dataclass(kw_only=True)
class TriggerLooks:
    """The looks of one builder. `check` raises ValueError for a job that nobody could build."""

    builder: str
    store: Store
    snapshot: Callable[[], Snapshot | None]
    """The store at the last check."""
    sources: Callable[[], Mapping[str, WatchedSource]]
    """The watched sources by pipeline. Raises ApplicationError."""
    check: Callable[[Job], None]
    every: float
    """Seconds between two looks of a builder that is alone or in a farm of two."""
    record: LookRecord
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    notice: Callable[[str], None]
    signed: Callable[[Job, Job | None], Job] = _unsigned
    """Signs a job, which follows from another one or from what this builder saw itself."""
    _next: float = field(init=False, default=0.0)
    _thread: threading.Thread | None = field(init=False, default=None)
    _is_ending: bool = field(init=False, default=False)
    _told: dict[str, str] = field(init=False, default_factory=dict)

    def end(self, cancel: Callable[[], None], seconds: float) -> None:
        """End a look that runs: `cancel` ends its command. Waits at most so long."""
        self._is_ending = True
        cancel()
        if self._thread is not None:
            self._thread.join(seconds)

    def run_due(self) -> None:
        """Start a look if one is due and the last has ended. Raises ApplicationError."""
        snapshot = self.snapshot()
        is_busy = self._thread is not None and self._thread.is_alive()
        if snapshot is None or is_busy or self.monotonic() < self._next:
            return
        sources = self.sources()
        if not sources:
            return
        self._next = self.monotonic() + look_interval(self.every, len(snapshot.builders()))
        work = threading.Thread(target=self.look, args=(snapshot, sources), daemon=True)
        self._thread = work
        work.start()

    def look(self, snapshot: Snapshot, sources: Mapping[str, WatchedSource]) -> None:
        """Look at all of them; what goes wrong with one is recorded, and stops no other."""
        looks: dict[str, Look] = {}
        for pipeline, source in sources.items():
            wanted = source.triggers
            if wanted.push:
                name = trigger_name(pipeline, PUSH)
                looks[name] = self._guarded(name, snapshot, PushLook(self, pipeline, source).look)
            if wanted.schedules:
                name = trigger_name(pipeline, SCHEDULE)
                timed = ScheduleLook(self, pipeline, wanted.schedules)
                looks[name] = self._guarded(name, snapshot, timed.look)
            if wanted.after:
                name = trigger_name(pipeline, AFTER)
                follow = AfterLook(self, pipeline, wanted.after, snapshot)
                looks[name] = self._guarded(name, snapshot, follow.look)
        try:
            self.record.write(looks)
        except OSError as error:
            self.notice(f"warning: {error}")

    def _guarded(
        self,
        name: str,
        snapshot: Snapshot,
        look: Callable[[str, TriggerState | None], tuple[str, ...]],
    ) -> Look:
        said: tuple[str, ...] = ()
        problem = ""
        try:
            state = read_states(snapshot.read(TRIGGERS)).get(name)
            if state is None or not state.paused:
                said = look(name, state)
        except (ApplicationError, ValueError, OSError) as error:  # ConnectionError is an OSError
            problem = one_line(error)
        if problem and self._told.get(name) != problem and not self._is_ending:
            self.notice(f"trigger {name}: {problem}")
        self._told[name] = problem
        return Look(at=self.clock(), problem=problem, said=said)

    def fire(self, firing: Firing) -> Fired | None:
        """Record what was seen, and queue the jobs; None: another builder was faster."""
        fired = self.store.change(
            lambda draft: fire(
                draft, firing, by=self.builder, now=self.clock().replace(microsecond=0)
            ),
            queue=bool(firing.jobs or firing.gone),
        )
        for job in fired.queued if fired else ():
            self.notice(f"trigger {firing.name} queued job {job}")
        for job in fired.cancelled if fired else ():
            self.notice(f"trigger {firing.name} cancelled job {job}")
        return fired

    def buildable(self, job: Job) -> str:
        """Why no builder could build the job; "" when one can."""
        try:
            check_request(job)
            self.check(job)
        except (ValueError, ApplicationError) as error:
            return one_line(error)
        return ""


def look_interval(every: float, builders: int) -> float:
    """Seconds between two looks of one builder: all together look twice as often as one alone."""
    return max(every, min(_LONGEST, every * builders / 2))


@dataclass(frozen=True, slots=True)
class PushLook:
    """Looks for branches and tags that moved."""

    looks: TriggerLooks
    pipeline: str
    source: WatchedSource

    def look(self, name: str, before: TriggerState | None) -> tuple[str, ...]:
        """What it found, a line each. Raises ConnectionError, ApplicationError."""
        push = self.source.triggers.push or Push()
        found = find_moves(before, self.source.refs(), push)
        said = [f"{found.noted} branches and tags noted, which start nothing"] * bool(found.noted)
        said += [f"branch {branch} was deleted" for branch in found.gone]
        jobs = []
        for move in found.moves:
            job = job_of_move(self.pipeline, move)
            why = self._why_not(move, push) or self.looks.buildable(job)
            if why:
                said.append(f"{move.name} {move.commit[:12]}: {why}")
            else:
                jobs.append(self.looks.signed(job, None))
        if found.left:
            said.append(f"{found.left} more moved: they follow with the next look")
        if found.state == before:
            return tuple(said)
        gone = found.gone if push.supersede is not Supersede.NOTHING else ()
        fired = self.looks.fire(
            Firing(
                name=name,
                before=before,
                after=found.state,
                jobs=tuple(jobs),
                supersede=push.supersede,
                gone=gone,
            )
        )
        if fired is None:
            return ("another builder was faster",)
        said += [f"was queued before: job {job}" for job in fired.known]
        return (*said, *(f"queued job {job}" for job in fired.queued))

    def _why_not(self, move: Move, push: Push) -> str:
        if not push.paths or move.is_tag or move.before is None:
            return ""
        changes = self.source.changes(move.before, move.commit, push.paths)
        return "changes none of the files of `paths`" if changes is False else ""


@dataclass(frozen=True, slots=True)
class ScheduleLook:
    """Looks whether a time has come."""

    looks: TriggerLooks
    pipeline: str
    schedules: tuple[Schedule, ...]

    def look(self, name: str, before: TriggerState | None) -> tuple[str, ...]:
        """What it found, a line each. Raises ApplicationError."""
        now = self.looks.clock().replace(microsecond=0)
        known = before.runs if before else {}
        runs, jobs, said = {}, [], []
        for schedule in self.schedules:
            last = known.get(str(schedule))
            runs[str(schedule)] = last or now
            due = schedule.last_until(now)
            if last is None or due is None or due <= last:
                if last and last > now + _TOLERATED:
                    said.append(f"its last run is in the future: {format_time(last)}")
                continue
            job = job_of_run(self.pipeline, schedule, due)
            runs[str(schedule)] = due
            if why := self.looks.buildable(job):
                said.append(f"{format_time(due)}: {why}")
            else:
                jobs.append(self.looks.signed(job, None))
        if runs == known:
            return tuple(said)
        after = replace(before or TriggerState(), runs=runs)
        fired = self.looks.fire(Firing(name=name, before=before, after=after, jobs=tuple(jobs)))
        if fired is None:
            return ("another builder was faster",)
        return (*(f"queued job {job}" for job in fired.queued), *said)


@dataclass(frozen=True, slots=True)
class AfterLook:
    """Looks for jobs of other pipelines that succeeded."""

    looks: TriggerLooks
    pipeline: str
    after: tuple[str, ...]
    snapshot: Snapshot

    def look(self, name: str, before: TriggerState | None) -> tuple[str, ...]:
        """What it found, a line each. Raises ApplicationError."""
        if before is None or before.at is None:
            self.looks.fire(Firing(name=name, before=before, after=TriggerState()))
            return ("jobs that succeed from now on count",)
        queue = self.snapshot.queue
        said, jobs = [], []
        for done in tuple(queue):
            job = job_after(self.pipeline, done)
            if not self._counts(done, before.at) or queue.get(job.id):
                continue
            if why := self.looks.buildable(job):
                said.append(f"after job {done.id}: {why}")
            else:
                jobs.append(self.looks.signed(job, done))
        if not jobs:
            return tuple(said)
        fired = self.looks.fire(Firing(name=name, before=before, after=before, jobs=tuple(jobs)))
        if fired is None:
            return ("another builder was faster",)
        return (*(f"queued job {job}" for job in fired.queued), *said)

    def _counts(self, done: Job, since: datetime) -> bool:
        return (
            done.pipeline in self.after
            and done.state is State.SUCCEEDED
            and not done.reproduces
            and done.completed_at is not None
            and done.completed_at >= since
        )
