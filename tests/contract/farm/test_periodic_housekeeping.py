"""What is due goes to the archive without anybody's asking, when it is much."""

from __future__ import annotations

import json

import pytest

from coordination_tasks.domain.errors import Unavailable
from coordination_tasks.farm.housekeeping import HOUR, MUCH, Housekeeping, PeriodicHousekeeping
from tests.contract.farm.test_housekeeping import AGES
from tests.support.coordination.world import NOON, World

JOBS = "coordination/jobs.json"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def finished(world: World, count: int) -> None:
    old = {"status": "completed", "completed_at": "2025-01-01"}
    world.write(JOBS, json.dumps({"jobs": [{"id": f"j{n}", **old} for n in range(count)]}))


def test_much_is_moved_at_the_first_look_and_then_once_an_hour(world: World) -> None:
    store, clock, told = world.store(), Clock(), list[str]()
    keeper = PeriodicHousekeeping(
        housekeeping=lambda: Housekeeping(store=store, ages=AGES, now=NOON, notice=told.append),
        monotonic=clock,
        notice=told.append,
    )
    finished(world, MUCH - 1)
    keeper.run_due()
    assert len(store.jobs()) == MUCH - 1

    finished(world, MUCH)
    clock.now += HOUR - 1
    keeper.run_due()
    assert len(store.jobs()) == MUCH

    clock.now += 1
    keeper.run_due()
    assert store.jobs() == ()
    assert told == [f"archived {MUCH} jobs, messages and logs"]


def test_a_failure_is_not_repeated_every_turn() -> None:
    looks = []

    def unavailable() -> Housekeeping:
        looks.append(1)
        raise Unavailable("gone")

    keeper = PeriodicHousekeeping(housekeeping=unavailable, monotonic=Clock(), notice=print)
    with pytest.raises(Unavailable):
        keeper.run_due()
    keeper.run_due()
    assert len(looks) == 1
