"""A clock that is set back shows in no record: a job's times keep the order of its events."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from common.states import State
from coordination_tasks.store.attempt_commands import Completion
from tests.support.coordination.world import World, began, claim, control, ended, job

DAY = timedelta(days=1)


def in_order(world: World) -> bool:
    times = [made.at for made in world.store("reader").transitions("job_1")]
    return times == sorted(times)


def test_a_clock_that_is_set_back_a_day(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    attempt = claim(store)
    store.record(attempt, [began(attempt, "maven")])
    world.clock.now -= DAY
    end = ended(attempt, "maven")
    late = replace(end, at=end.at - DAY)
    store.complete(attempt, Completion(state=State.SUCCEEDED, transitions=(late,)))

    done = store.job("job_1")
    assert done.started_at is not None
    assert done.completed_at is not None
    assert done.started_at <= done.completed_at
    assert done.duration_seconds == 0
    assert in_order(world)

    store.release(claim(store, "job_1"), "aborted")
    assert in_order(world)


def test_observers_and_people_whose_clock_is_a_day_behind(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    first = claim(store)
    world.clock.now -= DAY
    world.store("build2").reap("job_1", seen_token=first.token, reason="dead")
    claim(store)
    control(store).cancel(["job_1"], "no")

    cancelled = store.job("job_1")
    assert cancelled.started_at is not None
    assert cancelled.completed_at is not None
    assert cancelled.started_at <= cancelled.completed_at
    assert in_order(world)
