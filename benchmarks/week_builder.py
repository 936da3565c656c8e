"""One builder of a simulated week: the program's own parts, with a clock that jumps."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from benchmarks.week_world import Shared, Source
from common.settings.farm import ChannelEntry, FarmFile
from common.settings.triggers import Push, Schedule, Triggers
from common.states import State
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.builder.push_budget import PushBudget
from coordination_tasks.documents.builder_status import BUILDING, IDLE, StatusChange, current_job
from coordination_tasks.documents.retention import Ages
from coordination_tasks.domain.errors import (
    ClaimLost,
    NothingToClaim,
    Unavailable,
)
from coordination_tasks.domain.model import Attempt, BuilderProfile, Job, Transition
from coordination_tasks.farm.alerts.causes import Observed
from coordination_tasks.farm.alerts.own_facts import OwnAlerts, OwnFacts
from coordination_tasks.farm.alerts.sending import Sending
from coordination_tasks.farm.alerts.turn import Alerts, Rules
from coordination_tasks.farm.housekeeping import Housekeeping, PeriodicHousekeeping
from coordination_tasks.farm.presence.beater import Beater
from coordination_tasks.farm.presence.observations import Observations, Presence
from coordination_tasks.farm.presence.observer import Observer
from coordination_tasks.farm.triggers.looks import TriggerLooks
from coordination_tasks.farm.triggers.record import look_record
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.repository.heartbeats import FACTS
from coordination_tasks.repository.memory import MemoryHeartbeats, MemoryRemote
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store

EVERY = 120.0
"""Seconds between two turns of a builder: 30 by default, but turns are what takes time here."""
LEASE = 300.0
PUSHES_PER_MINUTE = 6.0
FAILED_ONE_IN = 12
MINUTES_OF_A_JOB = (4.0, 18.0)
PIPELINES: Mapping[str, tuple[str, ...]] = {"app": (), "hourly": (), "check": ()}
TRIGGERS = {
    "app": Triggers(push=Push(branches=("topic-*",))),
    "hourly": Triggers(schedules=(Schedule(cron="0 * * * *", timezone="UTC", branch="main"),)),
    "check": Triggers(after=("hourly",)),
}
AGES = Ages(jobs=timedelta(days=1), messages=timedelta(days=1), logs=timedelta(days=1))
"""A week shows nothing of the default month."""
_MOVES = ((State.QUEUED, State.RUNNING), (State.RUNNING, State.SUCCEEDED))


class Beats(MemoryHeartbeats):
    """Heartbeats in memory, of a remote that can go away; they are counted as pushes."""

    def __init__(self, others: MemoryRemote, builder: Builder) -> None:
        super().__init__(others, f"heartbeat-{builder.name}")
        self._builder = builder

    def beat(self, files: Mapping[str, bytes]) -> None:
        """See Heartbeats.beat."""
        self._tip()
        self._builder.count_push()
        super().beat(files)

    def signs(self, others: Collection[str] = ()) -> Mapping[str, str]:
        """See Heartbeats.signs."""
        tip = self._tip()
        return {**super().signs(others), **({FACTS: tip} if tip else {})}

    def read(
        self, paths: Mapping[str, str], signs: Mapping[str, str] = MappingProxyType({})
    ) -> Mapping[str, bytes]:
        """See Heartbeats.read."""
        self._tip()
        return super().read(paths, signs)

    def _tip(self) -> str:
        remote = self._builder.remote
        if not remote.exists():
            raise Unavailable("cannot reach the coordination repository: it is away")
        ref = remote / "refs" / "heads" / "main"
        return ref.read_text().strip() if ref.exists() else ""


class Builder:
    """A builder; `start` makes its process, `die` kills it."""

    def __init__(self, name: str, farm: Shared) -> None:
        self.name, self._farm = name, farm
        self.remote, self._clock = farm.remote, farm.clock
        self._folder = farm.folder / name
        self._folder.mkdir()
        self.is_alive = False
        self.attempt: Attempt | None = None
        self._moves: tuple[Transition, ...] = ()
        self.pushes: list[float] = []
        self.ended = 0
        """Attempts that ran to their end."""
        self._budget = PushBudget(
            self._folder / "pushes.json", PUSHES_PER_MINUTE, monotonic=self._clock.monotonic
        )
        self._presences: Mapping[str, Presence] = {}
        self._away_since: datetime | None = None

    def start(self) -> None:
        """Begin as a new process does, with what is on the disk."""
        farm, clock = self._farm, self._clock
        self._repository = GitRepository(
            str(self.remote), self._folder / "clone", author=self.name, on_push=self.count_push
        )
        profile = BuilderProfile(id=self.name, heartbeats_at=f"heartbeat-{self.name}", lease=LEASE)
        self._store = Store(
            self._repository, profile, clock=clock, pace=clock.pace, notice=lambda _line: None
        )
        self._outbox = Outbox(self._folder / "outbox.sqlite", clock=clock)
        beats = Beats(farm.beats, self)
        presences = Observations(
            self._folder / "sightings.json", lease=LEASE, monotonic=clock.monotonic
        )

        def seen(snapshot: Snapshot, signs: Mapping[str, str]) -> None:
            self._presences = presences.look(snapshot, signs)

        self._observer = Observer(
            self._store,
            beats,
            lease=LEASE,
            monotonic=clock.monotonic,
            notice=lambda _line: None,
            seen=seen,
        )
        self._beater = Beater(
            profile,
            beats,
            self._budget,
            on_facts=self._store.beat,
            load=lambda: None,
            clock=clock,
            monotonic=clock.monotonic,
        )
        self._make_watch()
        self.is_alive = True

    def _make_watch(self) -> None:
        clock, store = self._clock, self._store
        self._looks = TriggerLooks(
            builder=self.name,
            store=store,
            snapshot=lambda: self._observer.snapshot,
            sources=dict,
            check=lambda _job: None,
            every=EVERY,
            record=look_record(self._folder),
            clock=clock,
            monotonic=clock.monotonic,
            notice=lambda _line: None,
        )
        self._housekeeping = PeriodicHousekeeping(
            housekeeping=lambda: Housekeeping(
                store=store, ages=AGES, now=clock.now, notice=_fail, report=_fail
            ),
            monotonic=clock.monotonic,
            notice=lambda _line: None,
        )
        farm_file = FarmFile(channels={"told": ChannelEntry(command=("true",))})
        self._rules = Rules(farm=farm_file, notify={})
        self._alerts = Alerts(
            builder=self.name,
            store=store,
            snapshot=lambda: self._observer.snapshot,
            observed=Observed,
            facts=self._facts,
            rules=lambda: self._rules,
            sending=lambda rules: Sending(
                farm=rules.farm,
                notify={},
                channels=self._farm.told,  # type: ignore[arg-type]
                notice=_fail,
                sleep=lambda _seconds: None,
            ),
            own=OwnAlerts(self._folder / "alerts.json"),
            clock=clock,
            notice=_fail,
        )

    def die(self) -> None:
        """As after kill -9: what is not on the disk is gone."""
        self._repository.close()
        self._outbox.close()
        self.attempt = None
        self.is_alive = False

    def count_push(self) -> None:
        """A push that is about to be made."""
        self._budget.spend()
        self.pushes.append(self._clock.monotonic())

    def turn(self) -> None:
        """What is due, each by itself, as in a watch."""
        if not self.is_alive:
            return
        fails = False
        for act in (self._work, self._flush, self._look, self._beat, self._trigger, self._care):
            try:
                act()
            except ClaimLost:
                self.attempt = None
            except Unavailable:
                fails = True
        self._away_since = (self._away_since or self._clock.now) if fails else None
        self._alerts.tell_of_builder(self._rules, self._facts())

    def _work(self) -> None:
        """Go on with the job, or claim one."""
        if self.attempt is None:
            if self._observer.jobs_wait and not self._outbox.pending():
                self._claim()
            return
        done = (self._clock.now - self._began) / self._takes
        names = ("git-checkout", "maven", "build-deb", "artifact-manifest")
        due = (0.02, 0.6, 0.98, 1.0)
        while self._steps < len(names) and done >= due[self._steps]:
            self._moves += self._move(names[self._steps], *_MOVES[1])
            self._steps += 1
            if self._steps < len(names):
                self._moves += self._move(names[self._steps], *_MOVES[0])
        if self._steps == len(names):
            self._end()
        elif self._moves:
            self._outbox.submit_transitions(self.attempt, self._moves)
            self._moves = ()

    def _claim(self) -> None:
        try:
            self.attempt = self._store.claim(
                claim_id=uuid.uuid4().hex,
                pipelines=PIPELINES,
                resolve=lambda job: hashlib.sha1(job.id.encode()).hexdigest(),
            )
        except NothingToClaim:
            return
        self._began, self._steps = self._clock.now, 0
        self._takes = timedelta(minutes=self._farm.chance.uniform(*MINUTES_OF_A_JOB))
        self._moves = self._move("git-checkout", *_MOVES[0])

    def _end(self) -> None:
        attempt = self.attempt
        assert attempt is not None
        failed = self._farm.chance.randrange(FAILED_ONE_IN) == 0
        completion = Completion(
            state=State.FAILED if failed else State.SUCCEEDED,
            reason="step build-deb: exit code 1" if failed else "all steps succeeded",
            manifest=None if failed else _manifest(attempt.job),
            transitions=self._moves,
        )
        self._outbox.submit_completion(attempt, completion)
        self.attempt, self._moves = None, ()
        self.ended += 1

    def _move(self, step: str, before: State, after: State) -> tuple[Transition, ...]:
        assert self.attempt is not None
        return (
            Transition.of_step(
                self.attempt.job,
                step,
                own_id=uuid.uuid4().hex,
                builder=self.name,
                from_state=before,
                to_state=after,
                at=self._clock.now.replace(microsecond=0),
                reason="simulated",
            ),
        )

    def _flush(self) -> None:
        waiting = self._outbox.pending()
        if waiting and (self.attempt is None or self._budget.has_room()):
            report = self._outbox.flush(self._store)
            self._outbox.drop([entry.id for entry, _ in report.refused])
            self._beater.count()
            lost = [e for _, e in report.refused if isinstance(e, ClaimLost)]
            if lost and self.attempt:
                raise lost[0]

    def _look(self) -> None:
        self._observer.look(self.attempt)

    def _beat(self) -> None:
        interval = 30.0 if self.attempt else 60.0 if self._observer.jobs_wait else 240.0
        change = StatusChange(status=IDLE)
        if self.attempt:
            job = {**current_job(self.attempt.job), "claim_id": self.attempt.claim_id}
            change = StatusChange(status=BUILDING, current_job=job)
        self._beater.beat_if_due(interval, change)

    def _trigger(self) -> None:
        if snapshot := self._observer.snapshot:
            sources = {name: Source(found, self._farm.refs) for name, found in TRIGGERS.items()}
            self._looks.look(snapshot, sources)

    def _care(self) -> None:
        if self.attempt is None:  # while it builds, its watch does so all the same
            self._housekeeping.run_due()
        if snapshot := self._observer.snapshot:
            self._alerts.tell_of_farm(self._rules, snapshot, Observed(presences=self._presences))

    def _facts(self) -> OwnFacts:
        pending = self._outbox.pending()
        return OwnFacts(
            builder=self.name,
            disk_free=1 << 40,
            outbox_since=datetime.fromisoformat(pending[0].submitted_at) if pending else None,
            away_since=self._away_since,
            pipelines_problem="",
        )

    @property
    def most_pushes_a_minute(self) -> int:
        """The most pushes in any 60 s."""
        found, first = 0, 0
        for last, at in enumerate(self.pushes):
            while self.pushes[first] <= at - 60:
                first += 1
            found = max(found, last - first + 1)
        return found


def _manifest(job: Job) -> bytes:
    document: dict[str, Any] = {"job_id": job.id, "artifacts": []}
    return json.dumps(document).encode()


def _fail(line: str) -> None:
    raise AssertionError(line)
