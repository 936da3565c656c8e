"""What others write into documents, and we know nothing of: it is there after our writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from common.states import State
from coordination_tasks.documents.archive import months
from coordination_tasks.documents.paths import JOBS, LOCKS, MESSAGES, heartbeat_path, status_path
from coordination_tasks.documents.retention import Ages
from coordination_tasks.domain.model import Attempt
from coordination_tasks.farm.housekeeping import Housekeeping
from coordination_tasks.farm.messages.mailbox import Mailbox
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.store import Store
from tests.support.coordination.world import NOON, World, began, claim, control, job, memory_world

ODD = {"x-theirs": [1.50, None, {"ü": "\u2028"}]}
OVER = timedelta(days=31)


def entry(job_id: str, **members: object) -> dict[str, object]:
    return {"id": job_id, "pipeline": "sample", "status": "queued", **members, **ODD}


def documents() -> dict[str, dict[str, object]]:
    old = entry("old", status="completed", completed_at="2025-01-01T00:00:00Z")
    jobs = [entry("first"), entry("second"), entry("third"), old]
    lock = {"locked_by": "build1", "expires_at": "2999-01-01T00:00:00Z", **ODD}
    read = {"id": "m1", "to": "build1", "read": True, "timestamp": "2025-01-01T00:00:00Z", **ODD}
    fresh = {"id": "m2", "to": "build1", "timestamp": "2025-10-29T12:00:00Z", **ODD}
    return {
        JOBS: {"jobs": jobs, "metadata": {**ODD}, **ODD},
        LOCKS: {"locks": {"config_update": lock, "theirs": {**ODD}}, **ODD},
        MESSAGES: {"messages": [read, fresh], **ODD},
        status_path("build1"): {"system": {**ODD}, **ODD},
        heartbeat_path("build1"): {**ODD},
    }


def odd_things(world: World) -> int:
    """How often ODD is found in all that the repository holds."""
    snapshot = world.store("reader").snapshot()
    paths = [JOBS, LOCKS, MESSAGES, status_path("build1"), heartbeat_path("build1")]
    for month in months(snapshot):
        for kind in ("jobs", "messages"):
            folder = f"coordination/archive/{month}/{kind}"
            paths += [f"{folder}/{name}" for name in snapshot.names(folder)]
    texts = [(snapshot.read(path) or b"").decode() for path in paths]
    return sum(text.count('"x-theirs"') for text in texts)


def values(found: object) -> Iterator[object]:
    """The value of each member that is theirs."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key in ODD:
                yield value
            yield from values(value)
    elif isinstance(found, list):
        for value in found:
            yield from values(value)


Act = Callable[[World, Store], object]


def complete(store: Store, attempt: Attempt) -> None:
    store.record(attempt, [began(attempt, "maven")])
    store.complete(attempt, Completion(state=State.SUCCEEDED, manifest=b"{}"))


def keep_house(_: World, store: Store) -> None:
    ages = Ages(jobs=OVER, messages=OVER, logs=OVER)
    care = Housekeeping(store=store, ages=ages, now=NOON + timedelta(days=1), notice=print)
    moved = care.run()
    assert (moved.jobs, moved.messages) == (("old",), ("m1",))


ACTS: dict[str, Act] = {
    "enqueue": lambda _, store: store.enqueue(job("new")),
    "claim": lambda _, store: claim(store),
    "record and complete": lambda _, store: complete(store, claim(store)),
    "release": lambda _, store: store.release(claim(store), "SIGINT"),
    "cancel": lambda _, store: control(store).cancel(["second"], "not needed"),
    "reap": lambda _, store: store.reap(claim(store).job.id, seen_token=1, reason="dead"),
    "build the archived": lambda _, store: complete(store, claim(store, "old")),
    "idle": lambda _, store: store.publish_idle(),
    "beat": lambda _, store: store.beat(),
    "send": lambda world, store: Mailbox(store, clock=world.clock).send("all", "hello"),
    "mark read": lambda world, store: Mailbox(store, clock=world.clock).mark_read(),
    "archive messages": lambda world, store: Mailbox(store, clock=world.clock).archive(["m1"]),
    "take a lock": lambda _, store: store.take_lock("message_queue"),
    "keep a lock": lambda _, store: store.take_lock("config_update"),
    "free expired": lambda _, store: store.free_expired_locks(),
    "housekeeping": keep_house,
}


@pytest.mark.parametrize("act", ACTS)
def test_nothing_of_theirs_is_lost(act: str) -> None:
    world = memory_world()
    world.write_all(
        {path: json.dumps(found, indent=1).encode() for path, found in documents().items()}
    )
    before = odd_things(world)
    assert before == 15
    store = world.store()

    ACTS[act](world, store)

    assert odd_things(world) == before
    for path in documents():
        assert all(value == ODD["x-theirs"] for value in values(json.loads(world.text(path))))
