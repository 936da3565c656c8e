"""What is over goes to the archive, is found there, and nothing is lost on the way."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from common.states import State
from coordination_tasks.documents.archive import find_job
from coordination_tasks.documents.archive_files import MOST_BYTES, ArchivedFiles
from coordination_tasks.documents.paths import MESSAGES, archived_jobs_path
from coordination_tasks.documents.retention import MOST_FINISHED, Ages, due_jobs, log_time
from coordination_tasks.domain.errors import Conflict, NotFound
from coordination_tasks.domain.model import BuilderProfile
from coordination_tasks.domain.timestamps import format_time
from coordination_tasks.farm.housekeeping import Housekeeping, Moved
from coordination_tasks.farm.messages.mailbox import Mailbox
from coordination_tasks.fsck.documents import find_secrets
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.store import Store
from tests.support.coordination.fake_secrets import AWS
from tests.support.coordination.world import (
    NOON,
    World,
    began,
    claim,
    closing,
    control,
    ended,
    git_world,
    job,
)

JOBS = "coordination/jobs.json"
DAY = timedelta(days=1)
LONG = b"[INFO] building\n" * 10_000
AGES = Ages(jobs=30 * DAY, messages=30 * DAY, logs=7 * DAY)


def care(world: World, days: float, name: str = "keeper") -> Housekeeping:
    """Housekeeping so many days after noon."""
    notices = world.notices
    return Housekeeping(
        store=world.store(name), ages=AGES, now=NOON + days * DAY, notice=notices.append
    )


def finish(world: World, job_id: str) -> None:
    store = world.store()
    store.enqueue(job(job_id))
    attempt = claim(store, job_id)
    store.record(attempt, [began(attempt, "maven"), ended(attempt, "maven")])
    store.complete(attempt, Completion(state=State.SUCCEEDED, manifest=b"{}", at=NOON))


def test_a_finished_job_is_archived_and_found_as_before(world: World) -> None:
    finish(world, "old")
    before = world.store().snapshot()
    known = (before.job("old"), before.transitions("old"), before.manifest("build1", "old", 1))

    assert care(world, 29).run() == Moved(logs=("build1/logs/old-1-manifest.json",))
    assert care(world, 31).look().jobs == ("old",)
    assert care(world, 31).run() == Moved(jobs=("old",))

    after = world.store().snapshot()
    assert after.jobs() == ()
    assert (after.job("old"), after.transitions("old")) == known[:2]
    assert after.manifest("build1", "old", 1) == known[2] == b"{}"
    assert not [name for name in after.names("coordination") if name == "transitions"]
    assert care(world, 31).run() == Moved()


def test_an_entry_is_archived_with_all_that_others_wrote_in_it(world: World) -> None:
    entry = {"id": "x", "status": "failed", "completed_at": "2025-10-29 12:00", "odd": [1.5, None]}
    nameless = {"id": ["x"], "status": "failed"}
    world.write(JOBS, json.dumps({"jobs": [nameless, entry, {"id": "q", "status": "queued"}]}))

    care(world, 31).run()

    found = find_job(world.store().snapshot(), "x")
    assert found is not None
    snapshot = world.store().snapshot()
    folder = "coordination/archive/2025-10/jobs"
    [line] = [json.loads(snapshot.read(f"{folder}/{n}") or b"") for n in snapshot.names(folder)]
    assert line == entry
    assert [j.id for j in snapshot.jobs()] == ["q"]


def test_an_archived_job_still_counts(world: World) -> None:
    finish(world, "base")
    care(world, 31).run()
    store = world.store()

    store.enqueue(job("after", dependencies=("base",)))
    assert claim(store).job.id == "after"
    assert store.enqueue(job("base")).state is State.SUCCEEDED, "the same request is the same job"
    with pytest.raises(Conflict):
        store.enqueue(job("base", priority=1))
    with pytest.raises(Conflict, match="has already ended: succeeded"):
        control(store).cancel(["base"])
    again = claim(store, "base")
    assert (again.number, again.token) == (2, 2)
    store.complete(again, Completion(state=State.FAILED, reason="worse", at=NOON + 40 * DAY))
    assert {t.attempt for t in store.transitions("base")} == {1, 2}
    known = store.transitions("base")
    care(world, 80).run()
    assert store.transitions("base") == known
    assert store.job("base").state is State.FAILED, "as it was when it was last archived"
    assert {t.attempt for t in store.transitions("base")} == {1, 2}


def test_a_job_whose_id_tells_its_time_is_looked_for_from_then_on(world: World) -> None:
    made = "job_1761739200_0001"  # NOON
    finish(world, made)
    care(world, 31).run()
    line = json.dumps({"id": made, "status": "failed", "completed_at": "2025-01-01"})
    world.write(archived_jobs_path("2025-01", made, 1), line)

    store = world.store()

    assert store.job(made).state is State.SUCCEEDED
    assert len(store.transitions(made)) == 4
    assert store.snapshot().manifest("build1", made, 1) == b"{}"
    with pytest.raises(NotFound):
        store.job("job_1767225600_0001")


def test_what_is_needed_stays() -> None:
    old = NOON - 60 * DAY
    jobs = [
        job("needed", state=State.SUCCEEDED, completed_at=old),
        job("waiting", dependencies=("needed",), created_at=old),
        job("running", state=State.RUNNING, started_at=old),
        job("undated", state=State.FAILED),
        job("fresh", state=State.SUCCEEDED, completed_at=NOON),
        job("over", state=State.CANCELLED, created_at=old),
    ]

    assert due_jobs(jobs, NOON - 30 * DAY) == {"over": old}


def test_more_finished_jobs_than_the_queue_bears_are_due() -> None:
    jobs = [
        job(f"j{n:04}", state=State.FAILED, completed_at=NOON - timedelta(seconds=n))
        for n in range(MOST_FINISHED + 2)
    ]

    due = due_jobs(jobs, NOON - 30 * DAY)

    assert list(due) == [f"j{n:04}" for n in (MOST_FINISHED + 1, MOST_FINISHED)]


def test_messages_that_were_read_are_archived(world: World) -> None:
    one, two = (Mailbox(world.store(name), clock=world.clock) for name in ("build1", "build2"))
    read = one.send("build2", "read")
    two.mark_read()
    one.send("build2", "unread")
    heard = one.send("all", "heard by one")
    two.mark_read([heard.id])
    one.send("all", "heard by none")

    assert care(world, 31).run().messages == (read.id, heard.id)

    left = [message.subject for message in world.store().snapshot().messages()]
    assert left == ["unread", "heard by none"]
    lines = world.text("coordination/archive/2025-10/messages/1.jsonl").splitlines()
    assert [json.loads(line)["subject"] for line in lines] == ["read", "heard by one"]


@pytest.mark.slow
def test_a_secret_of_somebody_else_is_withheld_and_stops_nothing(world: World) -> None:
    finish(world, "old")
    entry = {
        "id": "msg_1",
        "from": "build9",
        "to": "build1",
        "subject": "access",
        "body": f"hello\n{AWS}\nbye",
        "timestamp": "2025-10-01T12:00:00Z",
        "read": True,
    }
    harmless = {**entry, "id": "msg_2", "body": "hello"}
    world.write(MESSAGES, json.dumps({"messages": [entry, harmless]}, indent=2))
    [told] = [f.problem for f in find_secrets(world.store().snapshot())]
    assert told.startswith(f"{MESSAGES}: message msg_1 looks like it contains a secret (")
    reports: list[str] = []
    keeper = replace(care(world, 31), report=reports.append)
    moved = keeper.run()
    assert (moved.jobs, moved.messages) == (("old",), ("msg_1", "msg_2"))
    assert (world.notices, len(reports)) == ([], 1)
    assert reports[0].startswith("message msg_1 contained what looks like a secret")
    archived = world.text("coordination/archive/2025-10/messages/1.jsonl")
    assert AWS not in archived
    assert "hello\\n[withheld: " in archived
    assert "\\nbye" in archived
    assert list(find_secrets(world.store().snapshot())) == []


def test_files_of_the_archive_stay_small(world: World) -> None:
    body = "x" * 19_000
    messages = [
        {"id": str(n), "to": "a", "read": True, "timestamp": "2025-10-01", "body": body}
        for n in range(120)
    ]
    world.write("coordination/messages.json", json.dumps({"messages": messages}))

    care(world, 31).run()

    folder = "coordination/archive/2025-10/messages"
    parts = [world.text(f"{folder}/{n}") for n in world.store().snapshot().names(folder)]
    assert len(parts) == 3
    assert max(map(len, parts)) <= MOST_BYTES
    found = [json.loads(line)["id"] for part in parts for line in part.splitlines()]
    assert found == [str(n) for n in range(120)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("job_1761739200_0001-build.log", "2025-10-29T12:00:00Z"),
        ("20251029T120000Z.log", "2025-10-29T12:00:00Z"),
        ("2025-10-29T12:00:00Z-maven.log", "2025-10-29T12:00:00Z"),
        ("20251329T120000Z.log", None),
        ("README", None),
        ("running-1-manifest.json", None),
        ("done-2-manifest.json", "2025-10-29T12:00:00Z"),
    ],
)
def test_when_a_log_is_from(name: str, expected: str | None) -> None:
    jobs = {
        "running": job("running", state=State.RUNNING, created_at=NOON),
        "done": job("done", state=State.FAILED, completed_at=NOON),
    }
    found = log_time(name, jobs)
    assert (format_time(found) if found else None) == expected


def test_logs_of_all_builders_are_archived(world: World) -> None:
    world.write_all(
        {
            "build9/logs/20251001T000000Z.log": b"old\xff",
            "build9/logs/20251002T000000Z.log": LONG,
            "build9/logs/20251028T000000Z.log": b"new",
            "build9/logs/notes.txt": b"whose?",
        }
    )

    old = tuple(f"build9/logs/2025100{day}T000000Z.log" for day in (1, 2))
    assert care(world, 0).run().logs == old

    snapshot = world.store().snapshot()
    assert snapshot.names("build9/logs") == ("20251028T000000Z.log", "notes.txt")
    assert (
        dict(ArchivedFiles(snapshot).find("2025-10", old[0], "build9/"))[old[0]].data == b"old\xff"
    )
    place = "coordination/archive/2025-10/logs/build9/20251002T000000Z.log"
    assert snapshot.read(place) == LONG

    world.write(old[1], "another")
    world.write(old[0], LONG.decode())
    care(world, 0).run()
    world.write(old[1], LONG.decode() + "more")
    care(world, 0).run()
    snapshot = world.store().snapshot()
    assert snapshot.read(place) == LONG
    assert snapshot.read(f"{place}.2") == LONG + b"more"


def test_a_broken_queue_is_left_alone_and_the_rest_is_cared_for(world: World) -> None:
    finish(world, "old")
    sent = Mailbox(world.store(), clock=world.clock).send("build2", "hello")
    Mailbox(world.store("build2")).mark_read()
    torn = world.text(JOBS)[:-20]
    world.write(JOBS, torn)

    assert care(world, 31).run().messages == (sent.id,)

    assert world.text(JOBS) == torn
    assert any(JOBS in notice for notice in world.notices)


def test_a_doubled_id_is_not_archived(world: World) -> None:
    over = {"id": "x", "status": "completed", "completed_at": "2025-01-01"}
    world.write(JOBS, json.dumps({"jobs": [over, {"id": "x", "status": "queued"}, 7]}))

    assert care(world, 31).run().jobs == ()


def really(world: World, name: str) -> Store:
    """A store that waits in earnest."""
    return Store(world.user(name), BuilderProfile(id=name), notice=print)


def test_two_keepers_and_a_builder_at_once(tmp_path: Path, remote: Path) -> None:
    """Each job is in the queue or in the archive, once, whoever wins."""
    with closing(git_world(tmp_path, str(remote))) as world:
        old = [
            {"id": f"j{n}", "status": "completed", "completed_at": "2025-01-01"} for n in range(40)
        ]
        world.write(JOBS, json.dumps({"jobs": old}))
        keepers = [
            Housekeeping(store=really(world, name), ages=AGES, now=NOON, notice=print)
            for name in ("keeper1", "keeper2")
        ]
        builder = really(world, "build1")
        with ThreadPoolExecutor() as pool:
            running = [pool.submit(keeper.run) for keeper in keepers]
            for n in range(5):
                builder.enqueue(job(f"new{n}"))
            moved = [future.result().jobs for future in running]

        assert sorted(moved[0] + moved[1]) == sorted(f"j{n}" for n in range(40))
        snapshot = world.store("reader").snapshot()
        assert [j.id for j in snapshot.jobs()] == [f"new{n}" for n in range(5)]
        folder = "coordination/archive/2025-01/jobs"
        lines = [
            json.loads(line)["id"]
            for name in snapshot.names(folder)
            for line in (snapshot.read(f"{folder}/{name}") or b"").splitlines()
        ]
        assert sorted(lines) == sorted(f"j{n}" for n in range(40))
