"""Dead builders are found by the others, by nobody's clock but the looker's own."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from common.states import State
from coordination_tasks.domain.errors import ClaimLost, Unavailable
from coordination_tasks.domain.model import Attempt, BuilderProfile, Job
from coordination_tasks.farm.presence.observer import Observer
from coordination_tasks.repository.heartbeats import Heartbeats, own_place
from coordination_tasks.repository.memory import MemoryHeartbeats, MemoryRemote, MemoryRepository
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.store import Store
from tests.support.coordination.world import (
    NOON,
    PIPELINES,
    Clock,
    began,
    ended,
    job,
)

LEASE = 300.0
EVERY = 30.0


class Machine:
    """One builder with a clock of its own, which may be wrong."""

    def __init__(self, farm: Farm, name: str, skew: timedelta) -> None:
        self.name = name
        self.wall = Clock(NOON + skew)
        self.notices: list[str] = []
        profile = BuilderProfile(id=name, heartbeats_at=own_place(name), lease=LEASE)
        self.store = Store(
            MemoryRepository(farm.remote), profile, clock=self.wall, pace=self.wall.pace
        )
        self.heartbeats = MemoryHeartbeats(farm.remote, own_place(name))
        self.seconds = 0.0
        self.observer = self.new_observer(self.heartbeats)

    def new_observer(self, heartbeats: Heartbeats) -> Observer:
        return Observer(
            self.store,
            heartbeats,
            lease=LEASE,
            monotonic=lambda: self.seconds,
            notice=self.notices.append,
        )

    def claim(self, job_id: str | None = None) -> Attempt:
        return self.store.claim(claim_id=uuid.uuid4().hex, pipelines=PIPELINES, job_id=job_id)

    def beat(self) -> None:
        self.heartbeats.beat({})

    def watch(self, seconds: float) -> float | None:
        """Look again and again; after how many seconds a job was taken, or None."""
        for turn in range(int(seconds / EVERY) + 1):
            if self.observer.look():
                return turn * EVERY
            self.seconds += EVERY
        return None


class Farm:
    def __init__(self, skew: timedelta = timedelta()) -> None:
        self.remote = MemoryRemote()
        self.owner = Machine(self, "build1", skew)
        self.looker = Machine(self, "build2", -skew)

    def job(self, job_id: str = "job_1") -> Job:
        return self.looker.store.job(job_id)


@pytest.fixture
def farm() -> Farm:
    return Farm()


@pytest.mark.parametrize("minutes", [0, 10, -10])
def test_a_dead_builders_job_is_queued_again_whatever_the_clocks_say(minutes: int) -> None:
    farm = Farm(timedelta(minutes=minutes))
    farm.owner.store.enqueue(job())
    attempt = farm.owner.claim()
    farm.owner.store.record(attempt, [began(attempt, "maven")])

    taken_after = farm.looker.watch(LEASE + 90)

    assert taken_after is not None
    assert LEASE < taken_after <= LEASE + 90
    found = farm.job()
    assert (found.state, found.assigned_to, found.attempt) == (State.QUEUED, None, 1)
    assert found.reason == "no heartbeat from builder build1 for 300 s"
    assert "took job job_1 from builder build1" in farm.looker.notices[0]
    assert farm.looker.claim().number == 2


@pytest.mark.parametrize("minutes", [0, 10, -10])
def test_a_builder_that_beats_keeps_its_job_whatever_the_clocks_say(minutes: int) -> None:
    farm = Farm(timedelta(minutes=minutes))
    farm.owner.store.enqueue(job())
    farm.owner.claim()
    for _ in range(40):
        farm.owner.beat()
        assert farm.looker.watch(LEASE / 2) is None
    assert farm.job().assigned_to == "build1"


def test_what_a_builder_records_is_a_sign_of_life_too(farm: Farm) -> None:
    farm.owner.store.enqueue(job())
    attempt = farm.owner.claim()
    for number in range(20):
        step = f"step{number}"
        farm.owner.store.record(attempt, [began(attempt, step), ended(attempt, step)])
        assert farm.looker.watch(LEASE - EVERY) is None
    assert farm.looker.watch(LEASE + 90) is not None


def test_what_others_write_is_no_sign_of_life(farm: Farm) -> None:
    farm.owner.store.enqueue(job())
    farm.owner.claim()
    for number in range(20):
        farm.looker.store.enqueue(job(f"other_{number}", pipeline="unknown"))
        farm.looker.beat()
        if farm.looker.watch(EVERY) is not None:
            break
    assert farm.job().state is State.QUEUED


def test_after_the_last_attempt_the_job_is_failed_with_the_reason(farm: Farm) -> None:
    farm.owner.store.enqueue(job())
    for attempt in (1, 2, 3):
        assert farm.owner.claim().number == attempt
        assert farm.looker.watch(LEASE + 90) is not None
    found = farm.job()
    assert found.state is State.FAILED
    assert found.reason == (
        "no heartbeat from builder build1 for 300 s; attempt 3 of 3 was the last"
    )
    assert found.completed_at is not None


def test_the_steps_that_ran_have_an_end(farm: Farm) -> None:
    farm.owner.store.enqueue(job())
    attempt = farm.owner.claim()
    steps = [began(attempt, "checkout"), ended(attempt, "checkout"), began(attempt, "maven")]
    farm.owner.store.record(attempt, steps)
    farm.looker.watch(LEASE + 90)
    last = {t.step: t.to_state for t in farm.looker.store.transitions("job_1")}
    assert last["maven"] is State.CANCELLED
    assert last["checkout"] is State.SUCCEEDED
    assert last[None] is State.QUEUED


def test_a_returning_zombie_can_write_nothing_and_learns_that_it_lost(farm: Farm) -> None:
    farm.owner.store.enqueue(job())
    attempt = farm.owner.claim()
    farm.looker.watch(LEASE + 90)
    before = farm.remote.tip
    with pytest.raises(ClaimLost):
        farm.owner.store.record(attempt, [began(attempt, "late")])
    with pytest.raises(ClaimLost):
        farm.owner.store.complete(attempt, Completion(state=State.SUCCEEDED))
    with pytest.raises(ClaimLost):
        farm.owner.store.release(attempt, "late")
    with pytest.raises(ClaimLost, match="no heartbeat from"):
        farm.owner.observer.look(attempt)
    assert farm.remote.tip == before


def test_of_two_processes_that_look_only_the_one_that_took_the_job_says_so(farm: Farm) -> None:
    """Like `doit build` in a loop beside `doit watch`: both decide it by the same look."""
    farm.owner.store.enqueue(job())
    farm.owner.claim()
    other = farm.looker.new_observer(farm.looker.heartbeats)
    for _ in range(3):
        assert not (farm.looker.observer.look() or other.look())
        farm.looker.seconds += LEASE / 2 - 1
    reap = farm.looker.store.reap

    def reap_after_the_other(
        job_id: str, *, seen_token: int, reason: str, person: str = ""
    ) -> Job | None:
        farm.looker.store.reap = reap  # type: ignore[method-assign]
        assert other.look()
        return reap(job_id, seen_token=seen_token, reason=reason, person=person)

    farm.looker.store.reap = reap_after_the_other  # type: ignore[method-assign]
    assert not farm.looker.observer.look()
    assert len(farm.looker.notices) == 1


def test_a_builder_that_claimed_the_job_again_is_another_attempt(farm: Farm) -> None:
    farm.owner.store.enqueue(job())
    attempt = farm.owner.claim()
    farm.looker.watch(LEASE + 90)
    again = farm.owner.claim()
    farm.owner.observer.look(again)
    with pytest.raises(ClaimLost):
        farm.owner.observer.look(attempt)


def test_nobody_takes_its_own_job_from_itself(farm: Farm) -> None:
    farm.owner.store.enqueue(job())
    attempt = farm.owner.claim()
    for _ in range(30):
        assert not farm.owner.observer.look(attempt)
        farm.owner.seconds += EVERY
    assert farm.job().state is State.RUNNING


def test_an_observer_that_starts_anew_waits_a_whole_lease(farm: Farm) -> None:
    farm.owner.store.enqueue(job())
    farm.owner.claim()
    assert farm.looker.watch(LEASE - EVERY) is None
    farm.looker.observer = farm.looker.new_observer(farm.looker.heartbeats)
    assert farm.looker.watch(LEASE - EVERY) is None
    assert farm.looker.watch(EVERY * 4) is not None


class Away:
    """A remote that nobody can reach."""

    def __init__(self, inner: Heartbeats) -> None:
        self.inner: Heartbeats | None = inner

    def __getattr__(self, name: str) -> object:
        if self.inner is None:
            raise Unavailable("away")
        return getattr(self.inner, name)


def test_after_an_hour_without_the_remote_everybody_gets_a_whole_lease(farm: Farm) -> None:
    farm.owner.store.enqueue(job())
    attempt = farm.owner.claim()
    away = Away(farm.looker.heartbeats)
    farm.looker.observer = farm.looker.new_observer(away)  # type: ignore[arg-type]
    assert farm.looker.watch(LEASE - EVERY) is None
    inner, away.inner = away.inner, None
    for _ in range(120):
        with pytest.raises(Unavailable):
            farm.looker.observer.look()
        farm.looker.seconds += EVERY
    away.inner = inner
    assert farm.looker.watch(LEASE - EVERY) is None
    farm.owner.store.record(attempt, [began(attempt, "maven")])


def test_heartbeats_for_a_later_job_do_not_keep_a_forgotten_one(farm: Farm) -> None:
    """The builder lost its disk: it knows nothing of its claim, and builds something else."""
    farm.owner.store.enqueue(job("forgotten"))
    farm.owner.store.enqueue(job("later"))
    farm.owner.claim("forgotten")
    farm.owner.claim("later")
    taken: list[Job] = []
    for _ in range(20):
        farm.owner.beat()
        taken += farm.looker.observer.look()
        farm.looker.seconds += EVERY
    assert [found.id for found in taken] == ["forgotten"]
    assert farm.job("later").state is State.RUNNING


def test_an_old_programs_job_gets_four_leases(farm: Farm) -> None:
    text = (
        b'{"jobs": [{"id": "old", "status": "running", "assigned_to": "build9",'
        b' "started_at": "2025-10-29T12:00:00Z"}]}'
    )
    other = MemoryRepository(farm.remote)
    other.push_if_unchanged(other.fetch(), {"coordination/jobs.json": text}, "by hand")
    taken_after = farm.looker.watch(LEASE * 5)
    assert taken_after is not None
    assert 4 * LEASE < taken_after <= 4 * LEASE + 90
    assert farm.job("old").state is State.QUEUED


def test_an_old_programs_heartbeat_among_the_facts_counts(farm: Farm) -> None:
    text = b'{"jobs": [{"id": "old", "status": "running", "assigned_to": "build9"}]}'
    other = MemoryRepository(farm.remote)
    other.push_if_unchanged(other.fetch(), {"coordination/jobs.json": text}, "by hand")
    for number in range(20):
        beat = b'{"timestamp": "%d"}' % number
        other.push_if_unchanged(other.fetch(), {"build9/heartbeat.json": beat}, "beat")
        assert farm.looker.watch(LEASE) is None
    assert farm.job("old").state is State.RUNNING


def test_the_lease_is_the_one_that_its_builder_published(farm: Farm) -> None:
    profile = BuilderProfile(id="build3", heartbeats_at=own_place("build3"), lease=60)
    hasty = Store(MemoryRepository(farm.remote), profile)
    hasty.enqueue(job())
    hasty.claim(claim_id="c", pipelines=PIPELINES)
    assert farm.looker.watch(LEASE) == 60 + EVERY


def test_a_job_of_a_builder_whose_status_is_broken_is_watched_all_the_same(farm: Farm) -> None:
    farm.owner.store.enqueue(job())
    farm.owner.claim()
    other = MemoryRepository(farm.remote)
    other.push_if_unchanged(other.fetch(), {"build1/status.json": b"{"}, "torn")
    farm.owner.beat()
    assert farm.looker.watch(LEASE - EVERY) is None
    farm.owner.beat()
    assert farm.looker.watch(LEASE - EVERY) is None
    assert farm.looker.watch(LEASE) is not None


def test_whether_jobs_wait(farm: Farm) -> None:
    farm.looker.observer.look()
    assert not farm.looker.observer.jobs_wait
    farm.owner.store.enqueue(job())
    farm.looker.observer.look()
    assert farm.looker.observer.jobs_wait
