"""What `doit fsck` looks at, and what `--repair` does, each made to happen in a small world."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from common.states import State
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.documents.paths import (
    JOBS,
    LOCKS,
    manifest_path,
    plan_path,
    transitions_folder,
    transitions_path,
)
from coordination_tasks.domain.model import Attempt
from coordination_tasks.farm.presence.observations import ALIVE, SILENT, Presence
from coordination_tasks.farm.presence.observer import Observer
from coordination_tasks.farm.watch import Watch
from coordination_tasks.fsck.documents import find_broken
from coordination_tasks.fsck.git_locks import remove_locks, stale_locks
from coordination_tasks.fsck.manifests import check_manifests
from coordination_tasks.fsck.outbox import check_outbox
from coordination_tasks.fsck.references import check_attempt, check_references
from coordination_tasks.fsck.repair import Repair
from coordination_tasks.fsck.stalled import check_stalled
from coordination_tasks.repository.memory import MemoryHeartbeats, MemoryRemote, MemoryRepository
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.history import GitHistory
from coordination_tasks.store.plans import Plan
from coordination_tasks.store.store import Store
from tests.support.coordination.world import (
    NOON,
    World,
    bare_repository,
    began,
    claim,
    job,
)

MANIFEST = b'{"artifacts": []}'


@pytest.fixture
def shared() -> MemoryRemote:
    return MemoryRemote()


@pytest.fixture
def quick(shared: MemoryRemote) -> World:
    """A world in memory, on the remote `shared`."""
    return World(lambda _: MemoryRepository(shared))


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox.sqlite") as opened:
        yield opened


def built(world: World, job_id: str) -> Attempt:
    store = world.store()
    store.enqueue(job(job_id))
    attempt = claim(store, job_id)
    store.complete(attempt, Completion(state=State.SUCCEEDED, manifest=MANIFEST))
    return attempt


def change_queue(world: World, job_id: str, **members: object) -> None:
    queue = json.loads(world.text(JOBS))
    for entry in queue["jobs"]:
        entry.update(members if entry["id"] == job_id else {})
    world.write(JOBS, json.dumps(queue))


def test_records_of_a_job_that_is_nowhere(world: World) -> None:
    for job_id in ("kept", "gone:away"):
        built(world, job_id)
    assert not list(check_references(world.store().snapshot()))
    change_queue(world, "gone:away", id="another")

    assert [finding.problem for finding in check_references(world.store().snapshot())] == [
        f"{transitions_folder('gone:away')}: transitions of a job that does not exist",
        "build1/logs/gone%3Aaway-1-manifest.json: manifest of a job that does not exist",
    ]


def test_attempts_have_their_own_transitions_and_plans(world: World) -> None:
    store = world.store()
    plan = Plan(data=b'{"steps": []}')
    store.enqueue(job("x"))
    attempt = claim(store)
    made = began(attempt, "maven")
    store.record(attempt, [made], plan.data)
    assert not list(check_attempt(store.snapshot(), store.job("x")))

    log, kept = transitions_path("x", 1), plan_path(plan.digest) or ""
    moved = world.text(log).replace('"job": "x"', '"job": "other"', 1)
    lines = [json.loads(line) for line in moved.splitlines()]
    lines[-1]["details"] = plan.details
    world.write_all({log: "\n".join(map(json.dumps, lines)).encode(), kept: b"{}"})
    change_queue(world, "x", attempt=2)

    snapshot = world.store("reader").snapshot()
    assert [finding.problem for finding in check_attempt(snapshot, snapshot.job("x"))] == [
        f"{log}: transition {lines[0]['id']} belongs to job other attempt 1",
        f"{kept}: the plan of {log} is missing or was changed",
        "coordination/transitions: job x has attempt 2, but its transitions are missing",
    ]


def test_manifests_are_there_and_whole(world: World) -> None:
    jobs = ("good", "gone", "torn", "other")
    for job_id in jobs:
        built(world, job_id)
    gone, torn, other = (manifest_path("build1", job_id, 1) for job_id in jobs[1:])
    changes = {gone: None, torn: MANIFEST[:-3], other: MANIFEST.replace(b"[]", b"[1]")}
    somebody = world.user("somebody")
    somebody.push_if_unchanged(somebody.fetch(), changes, "oops")

    findings = list(check_manifests(world.store("reader").snapshot()))

    assert [finding.path for finding in findings] == [gone, torn, other]
    assert findings[0].problem == f"{gone}: missing manifest"
    assert "invalid JSON" in findings[1].problem
    assert findings[2].problem.endswith("was changed after the attempt ended")
    assert all(
        f"doit build --job {job_id}" in finding.remedy
        for job_id, finding in zip(jobs[1:], findings, strict=True)
    )


def test_a_job_of_a_builder_that_no_file_can_be_named_after(world: World) -> None:
    built(world, "good")
    change_queue(world, "good", assigned_to="\ud800", attempt=2)

    assert not list(check_manifests(world.store("reader").snapshot()))


def test_what_stands_still_is_told(world: World) -> None:
    store = world.store("build2")
    store.enqueue(job("held"))
    claim(store)
    status = {"status": "building", "current_job": {"id": "held"}}
    over = {"locked_by": "build9", "expires_at": "2025-01-01T00:00:00Z"}
    locks = {"config_update": over, "job_assignment": over | {"expires_at": "2999-01-01"}}
    world.write_all(
        {
            "build7/status.json": json.dumps(status).encode(),
            "build8/status.json": b'{"current_job": {"id": "nothing"}}',
            LOCKS: json.dumps({"locks": locks}).encode(),
        }
    )
    snapshot = world.store("reader").snapshot()

    def told(presence: Presence) -> list[str]:
        findings = check_stalled(snapshot, {"build2": presence}, now=NOON)
        return [finding.problem.partition(": ")[2] for finding in findings]

    always = [
        "reports building job held, which is running on build2",
        "reports building job nothing, which does not exist",
        "lock config_update held by build9 has expired, but is not released",
        "lock job_assignment held by build9 blocks the queue for all others until"
        " 2999-01-01T00:00:00Z",
    ]
    assert told(Presence(ALIVE, 10.0)) == always
    held = "running job held is held by builder build2: no heartbeat for 0:06:40"
    assert told(Presence(SILENT, 400.0)) == [held, *always]


def waiting(world: World, outbox: Outbox) -> Attempt:
    """An attempt whose first step waits in the outbox."""
    store = world.store()
    store.enqueue(job())
    attempt = claim(store)
    outbox.submit_transitions(attempt, [began(attempt, "maven")])
    assert not list(check_outbox(store.snapshot(), outbox))
    return attempt


def outbox_problems(world: World, outbox: Outbox) -> list[str]:
    found = list(check_outbox(world.store("reader").snapshot(), outbox))
    assert all(finding.remedy and finding.path == "outbox" for finding in found)
    return [finding.problem for finding in found]


def test_an_entry_whose_job_is_gone(world: World, outbox: Outbox) -> None:
    waiting(world, outbox)
    change_queue(world, "job_1", id="another", status="queued")

    what = "outbox: record of job job_1 attempt 1"
    assert outbox_problems(world, outbox) == [f"{what} waits, but the job does not exist"]
    outbox.flush(world.store())
    assert outbox_problems(world, outbox) == [
        f"{what} was refused: job job_1 is no longer in the queue"
    ]


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (2, "waits with fencing token 1, but the job has 2"),
        (0, "waits with fencing token 1, but the job has 0: main was reset to an older state"),
    ],
)
def test_an_entry_with_another_token(
    world: World, outbox: Outbox, token: int, expected: str
) -> None:
    waiting(world, outbox)
    change_queue(world, "job_1", token=token)

    assert outbox_problems(world, outbox) == [f"outbox: record of job job_1 attempt 1 {expected}"]


def test_an_entry_that_is_recorded_already(world: World, outbox: Outbox) -> None:
    attempt = waiting(world, outbox)
    [entry] = outbox.pending()
    world.store().send([entry.command])
    outbox.submit_release(attempt, "waits on")

    assert outbox_problems(world, outbox) == [
        "outbox: record of job job_1 attempt 1 waits, but is already recorded"
    ]
    assert outbox.forget([entry.id]) == 1
    assert [left.name for left in outbox.pending()] == ["release"]


@contextmanager
def broken_in(
    remote_world: World, remote: Path, folder: Path
) -> Iterator[dict[str, tuple[str, str]]]:
    """Problem and remedy of what can't be read, by path."""
    with GitHistory(str(remote), folder) as history:
        found = find_broken(remote_world.store("reader").snapshot(), history)
        yield {finding.path: (finding.problem, finding.remedy) for finding in found}


def test_a_queue_that_is_gone_is_offered_as_it_was(
    remote_world: World, remote: Path, tmp_path: Path
) -> None:
    remote_world.store().enqueue(job())
    other = remote_world.user()
    other.push_if_unchanged(other.fetch(), {JOBS: None, "README": b"left"}, "oops")

    with broken_in(remote_world, remote, tmp_path / "history") as found:
        problem, remedy = found[JOBS]
        assert problem == f"{JOBS} is missing"
        command = shlex.split(remedy.partition(": ")[2])
        shown = subprocess.run(command, check=True, capture_output=True, text=True)
        assert json.loads(shown.stdout)["jobs"][0]["id"] == "job_1"


def test_broken_lines_of_the_archive(remote_world: World, remote: Path, tmp_path: Path) -> None:
    path = "coordination/archive/2025-01/jobs/7f-1.jsonl"
    remote_world.write(path, '{"id": "x", "status": "completed"}\n{torn\n')

    with broken_in(remote_world, remote, tmp_path / "history") as found:
        assert list(found) == [path]
        assert found[path][0].startswith(f"{path}: line 2:1:2: invalid JSON")


def test_locks_of_a_living_git_are_not_stale(tmp_path: Path) -> None:
    (tmp_path / "history").mkdir()
    (tmp_path / "jobs").mkdir()
    dead = bare_repository(tmp_path / "heartbeats.git")
    living = bare_repository(tmp_path / "history/f00")
    source = bare_repository(tmp_path / "jobs/source.git")
    others = [tmp_path / "history/f00.lock", source / "index.lock"]
    for lock in others:
        lock.touch()
    locks = [clone / lock for clone in (dead, living) for lock in ("HEAD.lock", "refs/x.lock")]
    for lock in locks:
        lock.touch()
    assert stale_locks(tmp_path) == tuple(sorted(locks))
    command = ["git", f"--git-dir={living}", "update-ref", "--stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert stale_locks(tmp_path) == tuple(sorted(locks[:2]))
        assert len(list(remove_locks(tmp_path))) == 2
        assert process.stdin
        process.stdin.close()
    assert [lock for lock in locks if lock.exists()] == locks[2:]
    assert all(lock.exists() for lock in others)


class Idle:
    """A watch that has nothing to care for, but an observer."""

    def __init__(self, observer: Observer) -> None:
        self.observer = observer

    def care(self) -> None:
        pass

    def look(self) -> None:
        self.observer.look()


def repair_of(
    world: World, shared: MemoryRemote, store: Store, outbox: Outbox, told: list[str]
) -> Repair:
    done: list[str] = []
    clock = world.clock
    observer = Observer(
        store,
        MemoryHeartbeats(shared, "heartbeat-reader"),
        lease=60.0,
        monotonic=clock.monotonic,
        notice=done.append,
    )
    return Repair(
        state_dir=Path("/nonexistent"),
        store=store,
        outbox=outbox,
        watch=cast(Watch, Idle(observer)),
        done=done,
        every=10.0,
        tell=told.append,
        now=clock() + timedelta(days=1),
        sleep=clock.sleep,
        monotonic=clock.monotonic,
    )


def test_repair_takes_the_job_of_a_dead_builder_only(
    quick: World, shared: MemoryRemote, outbox: Outbox
) -> None:
    for number in range(2):
        quick.store().enqueue(job(f"job_{number}"))
    claim(quick.store("build2"))
    living = quick.store("build3")
    attempt = claim(living)
    told: list[str] = []
    reader = quick.store("reader")
    repair = repair_of(quick, shared, reader, outbox, told)
    rests = iter(range(100))

    def sleep_while_one_beats(seconds: float) -> None:
        quick.clock.sleep(seconds)
        living.record(attempt, [began(attempt, f"step{next(rests)}")])

    object.__setattr__(repair, "sleep", sleep_while_one_beats)
    silent = {name: Presence(SILENT, 999.0) for name in ("build2", "build3")}

    repair.run(reader.snapshot(), silent, {}, may_write=True)

    assert repair.done == [
        "took job job_0 from builder build2: no heartbeat from builder build2 for 60 s"
    ]
    assert [found.state for found in reader.jobs()] == [State.QUEUED, State.RUNNING]
    assert told == ["checking for up to 70 s whether builders of running jobs are alive"]


def test_repair_frees_locks_that_are_over(
    quick: World, shared: MemoryRemote, outbox: Outbox
) -> None:
    quick.store("build9").take_lock("config_update")
    store = quick.store("reader")
    quick.clock.sleep(7200)
    repair = repair_of(quick, shared, store, outbox, [])

    repair.run(store.snapshot(), {}, {}, may_write=False)
    assert store.snapshot().locks(), "a rewound main is not written to"
    repair.run(store.snapshot(), {}, {}, may_write=True)

    assert store.snapshot().locks() == ()
    assert repair.done == ["released expired lock config_update held by build9"]


def test_what_hinders_one_repair_does_not_hinder_the_others(
    quick: World, shared: MemoryRemote, outbox: Outbox
) -> None:
    quick.store("build9").take_lock("config_update")
    attempt = waiting(quick, outbox)
    [entry] = outbox.pending()
    quick.store().send([entry.command])
    store = quick.store("reader")
    snapshot = store.snapshot()
    quick.write(LOCKS, "{torn")
    told: list[str] = []
    repair = repair_of(quick, shared, store, outbox, told)

    repair.run(snapshot, {attempt.builder: Presence(ALIVE, 0.0)}, {}, may_write=True)

    assert outbox.pending() == ()
    assert repair.done == ["outbox: dropped 1 entries that were already recorded"]
    [line] = told
    assert f"{LOCKS}:1:2: invalid JSON" in line
    assert quick.text(LOCKS) == "{torn"
