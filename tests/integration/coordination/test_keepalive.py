"""What running builds push, counted: few commits on main, few pushes in all."""

from __future__ import annotations

import io
import random
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from common.states import State
from coordination_tasks.build.attempt.attempt_log import AttemptLog
from coordination_tasks.build.attempt.keepalive import Keepalive, may_record
from coordination_tasks.build.attempt.running_attempt import RunningAttempt
from coordination_tasks.build.attempt.stop_reasons import StopReasons
from coordination_tasks.build.display.display import PlainDisplay
from coordination_tasks.build.logs.published import AttemptLogs
from coordination_tasks.builder.config.logs import LogsFile
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.builder.push_budget import PushBudget
from coordination_tasks.documents.builder_status import IDLE, StatusChange
from coordination_tasks.domain.errors import ClaimLost, CoordinationError, Unavailable, WriteRefused
from coordination_tasks.domain.model import Attempt, BuilderProfile
from coordination_tasks.farm.presence.beater import Beater
from coordination_tasks.farm.presence.observer import Observer
from coordination_tasks.repository.heartbeats import own_place
from coordination_tasks.repository.memory import (
    MemoryHeartbeats,
    MemoryRemote,
    MemoryRepository,
    MemoryStepLogs,
)
from coordination_tasks.repository.protocol import Mark, Note, Version
from coordination_tasks.store.store import Store
from tests.support.coordination.world import PIPELINES, Clock, job

STEPS = ("git-checkout", "preflight", "maven", "build-deb", "artifact-manifest", "publish-status")
TICK = 30.0
MINUTES = 75


class Farm:
    """One remote, one clock, and each push on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.remote = MemoryRemote()
        self.clock = Clock()
        self.pushes: list[float] = []

    @property
    def commits(self) -> int:
        return len(self.remote.parents)

    def pass_time(self, seconds: float) -> None:
        self.clock.sleep(seconds)


class CountedRepository(MemoryRepository):
    def __init__(self, builder: Builder) -> None:
        super().__init__(builder.farm.remote)
        self.builder = builder

    def push_if_unchanged(
        self,
        version: Version,
        changes: Mapping[str, bytes | None],
        message: str,
        takes: Sequence[Note] = (),
        marks: Sequence[Mark] = (),
    ) -> Version:
        self.builder.pushed()
        return super().push_if_unchanged(version, changes, message, takes, marks)


class CountedHeartbeats(MemoryHeartbeats):
    def __init__(self, builder: Builder) -> None:
        super().__init__(builder.farm.remote, own_place(builder.name))
        self.builder = builder

    def beat(self, files: Mapping[str, bytes]) -> None:
        self.builder.pushed()
        super().beat(files)


class Builder:
    """One builder of the farm: `doit build` and `doit watch` without their processes."""

    def __init__(self, farm: Farm, name: str, per_minute: float = 60) -> None:
        self.farm, self.name = farm, name
        folder = farm.folder / name
        folder.mkdir()
        profile = BuilderProfile(id=name, heartbeats_at=own_place(name), lease=300)
        self.budget = PushBudget(folder / "pushes", per_minute, monotonic=farm.clock.monotonic)
        self.store = Store(CountedRepository(self), profile, clock=farm.clock, pace=farm.clock.pace)
        heartbeats = CountedHeartbeats(self)
        self.beater = Beater(
            profile,
            heartbeats,
            self.budget,
            on_facts=self.store.beat,
            load=lambda: None,
            clock=farm.clock,
            monotonic=farm.clock.monotonic,
        )
        self.observer = Observer(
            self.store, heartbeats, lease=300, monotonic=farm.clock.monotonic, notice=print
        )
        self.outbox = Outbox(folder / "outbox.sqlite")
        self.log: AttemptLog
        self.keepalive: Keepalive | None = None

    def pushed(self) -> None:
        self.budget.spend()
        self.farm.pushes.append(self.farm.clock.monotonic())

    def claim(self) -> Keepalive:
        attempt = self.store.claim(claim_id=uuid.uuid4().hex, pipelines=PIPELINES)
        running = RunningAttempt(
            claimed=attempt,
            state_dir=self.farm.folder,
            env={},
            declared_env={},
            display=PlainDisplay(io.StringIO(), verbose=False),
        )
        self.log = AttemptLog(
            running,
            self.outbox,
            self.store,
            StopReasons(print),
            monotonic=self.farm.clock.monotonic,
        )
        self.keepalive = Keepalive(
            log=self.log,
            logs=self.logs(attempt),
            observer=self.observer,
            beater=self.beater,
            budget=self.budget,
            flush_every=30,
            observe_every=30,
            beat_every=30,
            monotonic=self.farm.clock.monotonic,
            boottime=self.farm.clock.monotonic,
        )
        return self.keepalive

    def logs(self, attempt: Attempt) -> AttemptLogs:
        return AttemptLogs(
            attempt=attempt,
            limits=LogsFile().limits(),
            published=MemoryStepLogs(MemoryRemote(), attempt.builder),
            path=lambda step: self.farm.folder / f"{step}.log",
            secrets=tuple,
            clock=self.farm.clock,
        )

    def build(self, seconds: float) -> Any:
        """Build a job of six steps, each of them as long; yields where time passes."""
        keepalive = self.claim()
        for step in STEPS[:-1]:
            self.log.step_began(step, "it never ran")
            end = self.farm.clock.monotonic() + seconds
            while self.farm.clock.monotonic() < end:
                keepalive.run_due()
                yield
            self.log.step_ended(step, State.SUCCEEDED, "done")
        self.log.step_began(STEPS[-1], "always")
        self.log.publish(STEPS[-1], None)

    def wait(self, seconds: float) -> Any:
        """Watch for a while."""
        end = self.farm.clock.monotonic() + seconds
        while self.farm.clock.monotonic() < end:
            self.observer.look()
            self.beater.beat_if_due(300, StatusChange(status=IDLE))
            yield


def run(farm: Farm, work: Any) -> None:
    for _ in work:
        farm.pass_time(TICK)


@pytest.fixture
def farm(tmp_path: Path) -> Farm:
    return Farm(tmp_path)


@pytest.mark.parametrize("seconds", [1, 40, 400, 2000])
def test_a_job_of_six_steps_takes_at_most_five_commits_however_long_it_takes(
    farm: Farm, seconds: float
) -> None:
    builder = Builder(farm, "build1")
    builder.store.enqueue(job())
    before = farm.commits
    run(farm, builder.build(seconds))
    assert farm.commits - before <= 5
    transitions = builder.store.transitions("job_1")
    assert len([t for t in transitions if t.step]) == 2 * len(STEPS)
    assert builder.store.job("job_1").state is State.SUCCEEDED
    assert builder.outbox.pending() == ()


def test_an_idle_farm_commits_nothing_on_main(farm: Farm) -> None:
    builders = [Builder(farm, f"build{number}") for number in range(10)]
    builders[0].store.enqueue(job(pipeline="unknown"))
    before = farm.commits
    works = [builder.wait(3600) for builder in builders]
    while [work for work in works if next(work, "over") != "over"]:
        farm.pass_time(TICK)
    assert farm.commits == before
    assert len(farm.pushes) - 1 == 10 * 3600 / 300


def test_ten_builders_stay_under_six_pushes_a_minute_over_any_ten_minutes(farm: Farm) -> None:
    """An hour and more: each builds a job of 25 to 75 minutes, rests, and builds the next.

    A single minute may have more: no builder knows when the others push.
    """
    chance = random.Random(7)
    builders = [Builder(farm, f"build{number}", per_minute=0.5) for number in range(10)]
    for number in range(60):
        builders[0].store.enqueue(job(f"job_{number}"))
    farm.pass_time(600)
    farm.pushes.clear()

    def shift(builder: Builder) -> Any:
        while True:
            yield from builder.wait(chance.uniform(0, 600))
            yield from builder.build(chance.uniform(300, 900))

    works = [shift(builder) for builder in builders]
    end = farm.clock.monotonic() + MINUTES * 60
    while farm.clock.monotonic() < end:
        for work in works:
            next(work)
        farm.pass_time(TICK)

    assert len(farm.pushes) / MINUTES < 6
    assert max(sum(at <= other < at + 600 for other in farm.pushes) for at in farm.pushes) < 60
    states = [found.state for found in builders[0].store.jobs()]
    assert states.count(State.SUCCEEDED) >= 10
    assert all(found.attempt <= 1 for found in builders[0].store.jobs())


def test_one_builder_alone_never_goes_beyond_its_budget(farm: Farm) -> None:
    builder = Builder(farm, "build1", per_minute=2)
    builder.store.enqueue(job())
    farm.pass_time(600)
    farm.pushes.clear()
    run(farm, builder.build(600))
    claim_and_end = 2
    windows = [sum(at <= other < at + 60 for other in farm.pushes) for at in farm.pushes]
    assert max(windows) <= 2 + claim_and_end
    assert len(farm.pushes) <= 2 * (5 * 600 / 60) + claim_and_end


def test_writes_that_the_remote_refuses_do_not_hinder_the_heartbeats(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = Builder(farm, "build1")
    builder.store.enqueue(job())
    keepalive = builder.claim()
    builder.log.step_began("maven", "it never ran")

    def refuse(*_: object) -> Version:
        raise WriteRefused("hook")

    monkeypatch.setattr(CountedRepository, "push_if_unchanged", refuse)
    farm.pass_time(60)
    with pytest.raises(WriteRefused):
        keepalive.run_due()
    assert own_place("build1") in farm.remote.beats


def test_the_build_goes_on_while_the_remote_is_gone_and_ends_when_the_job_is_anothers(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder, other = Builder(farm, "build1"), Builder(farm, "build2")
    builder.store.enqueue(job())
    keepalive = builder.claim()
    builder.log.step_began("maven", "it never ran")

    def gone(*_: object) -> Mapping[str, str]:
        raise Unavailable("no route")

    with monkeypatch.context() as context:
        context.setattr(CountedHeartbeats, "signs", gone)
        context.setattr(CountedHeartbeats, "beat", gone)
        context.setattr(CountedRepository, "push_if_unchanged", gone)
        for _ in range(120):
            farm.pass_time(30)
            with pytest.raises(Unavailable):
                keepalive.run_due()
            assert builder.log.stop.before_next_step is None
    run(farm, other.wait(400))
    assert builder.store.job("job_1").state is State.QUEUED
    before = farm.commits
    trouble: CoordinationError | None = None
    try:
        keepalive.run_due()
    except CoordinationError as error:
        trouble = error
    assert isinstance(trouble, ClaimLost)
    assert farm.commits == before


def test_an_hour_without_the_remote_delays_the_records_and_nothing_else(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = Builder(farm, "build1")
    builder.store.enqueue(job())
    keepalive = builder.claim()

    def gone(*_: object) -> Mapping[str, str]:
        raise Unavailable("no route")

    began_at = farm.clock.monotonic()
    with monkeypatch.context() as context:
        for name in ("signs", "beat"):
            context.setattr(CountedHeartbeats, name, gone)
        for name in ("push_if_unchanged", "fetch"):
            context.setattr(CountedRepository, name, gone)
        for step in STEPS[:-1]:
            builder.log.step_began(step, "it never ran")
            for _ in range(24):
                farm.pass_time(TICK)
                with pytest.raises(Unavailable):
                    keepalive.run_due()
            builder.log.step_ended(step, State.SUCCEEDED, "done")
        assert builder.log.stop.before_next_step is None
    assert farm.clock.monotonic() - began_at == 3600
    builder.log.step_began(STEPS[-1], "always")
    builder.log.publish(STEPS[-1], None)

    assert builder.outbox.pending() == builder.outbox.refused() == ()
    assert builder.store.job("job_1").state is State.SUCCEEDED
    recorded = [t.step for t in builder.store.transitions("job_1") if t.step]
    assert recorded == [step for step in STEPS for _ in range(2)]


def test_how_many_writes_an_attempt_may_make() -> None:
    assert [may_record(0, ended) for ended in range(3)] == [True] * 3
    assert [may_record(1, ended) for ended in range(4)] == [False, False, True, True]
    assert [may_record(2, ended) for ended in (3, 4)] == [False, True]
