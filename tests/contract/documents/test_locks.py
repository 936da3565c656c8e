"""Named locks of older programs: we wait for theirs, and can take them too."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from coordination_tasks.documents.locks import QueueLocked
from coordination_tasks.domain.errors import BadRequest, BrokenDocument, Conflict
from coordination_tasks.domain.timestamps import format_time
from tests.support.coordination.world import NOON, World, began, claim, job

LOCKS = "coordination/locks.json"


def locked(world: World, by: str, life: float) -> None:
    expires = format_time(NOON + timedelta(seconds=life))
    lock = {"locked_by": by, "locked_at": format_time(NOON), "expires_at": expires}
    world.write(LOCKS, json.dumps({"locks": {"job_assignment": lock, "x": None}}))


def test_the_queue_is_left_alone_while_another_holds_it(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    locked(world, "build9", 30)

    claim(store)

    assert world.clock.now >= NOON + timedelta(seconds=30)
    assert world.notices == [
        "waiting: build9 holds the lock job_assignment until 2025-10-29T12:00:30Z"
    ]


def test_transitions_need_not_wait(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    attempt = claim(store)
    locked(world, "build9", 30)

    store.record(attempt, [began(attempt, "maven")])

    assert world.clock.now < NOON + timedelta(seconds=1)


@pytest.mark.parametrize(("by", "life"), [("build1", 30), ("build9", -1)])
def test_who_does_not_wait(world: World, by: str, life: float) -> None:
    locked(world, by, life)

    world.store().enqueue(job())

    assert world.clock.now == NOON


def test_a_lock_that_never_ends_is_not_waited_for_without_end(world: World) -> None:
    locked(world, "build9", 1e9)

    with pytest.raises(QueueLocked):
        world.store().enqueue(job())
    assert world.clock.now < NOON + timedelta(seconds=700)


def test_broken_locks_do_not_hold_up_the_queue(world: World) -> None:
    store = world.store()
    world.write(LOCKS, '{"locks": ')

    store.enqueue(job())

    assert store.job("job_1")
    assert [notice.endswith("continuing as if no lock is held") for notice in world.notices] == [
        True
    ]
    with pytest.raises(BrokenDocument):
        store.take_lock("job_assignment")


def test_a_lock_is_taken_once(world: World) -> None:
    one, other = world.store("build1"), world.store("build2")

    taken = one.take_lock("config_update")

    assert other.snapshot().locks() == (taken,)
    with pytest.raises(Conflict, match="build1 holds the lock config_update until"):
        other.take_lock("config_update")
    with pytest.raises(Conflict, match="lock config_update is held by build1, not by build2"):
        other.free_lock("config_update")
    assert one.take_lock("config_update") == taken
    one.free_lock("config_update")
    one.free_lock("config_update")
    assert other.take_lock("config_update").locked_by == "build2"


def test_the_file_keeps_its_form(world: World) -> None:
    store = world.store()
    world.write(LOCKS, '{\n  "metadata": {"v": 1},\n  "locks": {\n    "a": null\n  }\n}')

    store.take_lock("a")
    store.free_lock("a")

    assert world.text(LOCKS) == '{\n  "metadata": {"v": 1},\n  "locks": {\n    "a": null\n  }\n}'


def test_expired_locks_are_freed(world: World) -> None:
    store = world.store()
    locked(world, "build9", -1)

    [freed] = store.free_expired_locks()

    assert freed.locked_by == "build9"
    assert store.snapshot().locks() == ()
    assert store.free_expired_locks() == ()


def test_a_lock_has_a_plain_name(world: World) -> None:
    with pytest.raises(BadRequest):
        world.store().take_lock("a b")
