"""Housekeeping of much: what is on main stays small, and who kills it loses nothing."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from common.states import State
from coordination_tasks.documents.archive import months
from coordination_tasks.documents.archive_files import MOST_BYTES
from coordination_tasks.documents.codec import transition_line
from coordination_tasks.documents.paths import ARCHIVE, JOBS, transitions_path
from coordination_tasks.documents.retention import Ages
from coordination_tasks.domain.model import Attempt, BuilderProfile, Job
from coordination_tasks.farm import housekeeping
from coordination_tasks.farm.housekeeping import Housekeeping
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store
from tests.support.coordination.world import NOON, World, git, transition

FORK = multiprocessing.get_context("fork")
MANY = 3000
SOME = WITH_TRANSITIONS = 120
KILLS = 5
DAYS = 30 * timedelta(days=1)
AGES = Ages(jobs=DAYS, messages=DAYS, logs=DAYS)


def fill(world: World, count: int) -> None:
    """Jobs that ended long ago, the first ones with transitions, and one that waits."""
    jobs: list[dict[str, object]] = [{"id": "waits", "pipeline": "sample", "status": "queued"}]
    files = {}
    for number in range(count):
        job_id = f"job_{number:04d}"
        over = {"status": "completed", "completed_at": "2025-01-01T00:00:00Z"}
        jobs.append({"id": job_id, "pipeline": "sample", **over, "description": "x" * 300})
        if number >= WITH_TRANSITIONS:
            continue  # to make them takes longer than what is to be tested
        attempt = Attempt(job=Job(id=job_id), builder="b", number=1, token=1, claim_id="c")
        made = transition(attempt, None, State.QUEUED, State.RUNNING, f"t{number}")
        files[transitions_path(job_id, 1)] = transition_line(made).encode() + b"\n"
    files[JOBS] = json.dumps({"jobs": jobs}, indent=2).encode()
    files["build1/logs/20250101T000000Z.log"] = b"[INFO] building module\n" * 45_000
    world.write_all(files)


def keep(store: Store) -> Housekeeping:
    return Housekeeping(store=store, ages=AGES, now=NOON, notice=print)


def archived(snapshot: Snapshot) -> list[str]:
    """Ids of the archived jobs, as often as they are there."""
    found = []
    for month in months(snapshot):
        folder = f"{ARCHIVE}/{month}/jobs"
        for name in snapshot.names(folder):
            lines = (snapshot.read(f"{folder}/{name}") or b"").splitlines()
            found += [json.loads(line)["id"] for line in lines]
    return found


@pytest.mark.slow
def test_three_thousand_jobs_and_a_long_log(remote_world: World, remote: Path) -> None:
    fill(remote_world, MANY)
    store = remote_world.store("keeper")

    moved = keep(store).run()

    assert (len(moved.jobs), moved.logs) == (MANY, ("build1/logs/20250101T000000Z.log",))
    sizes = {
        path: int(size)
        for line in git(remote, "ls-tree", "-r", "-l", "main").splitlines()
        for size, path in [line.split(maxsplit=4)[3:]]
    }
    log = next(path for path in sizes if path.endswith("20250101T000000Z.log"))
    assert log.startswith(f"{ARCHIVE}/2025-01/logs/")
    assert sizes.pop(log) == 45_000 * len("[INFO] building module\n")
    assert sizes[JOBS] < 2000
    assert max(sizes.values()) <= MOST_BYTES
    assert not [path for path in sizes if path.startswith("coordination/transitions/")]
    folders = Counter(path.rpartition("/")[0] for path in sizes)
    assert max(folders.values()) <= 3000, "what Git hosts bear"
    snapshot = store.snapshot()
    assert sorted(archived(snapshot)) == [f"job_{number:04d}" for number in range(MANY)]
    assert [t.id for t in snapshot.transitions("job_0042")] == ["t42"]


def keep_house(url: str, cache: Path) -> None:
    housekeeping.BATCH = 10
    with GitRepository(url, cache, author="keeper") as repository:
        keep(Store(repository, BuilderProfile(id="keeper"), notice=print)).run()


def test_housekeeping_that_is_killed_loses_and_doubles_nothing(
    remote_world: World, remote: Path, tmp_path: Path
) -> None:
    seed = int(os.environ.get("TEST_SEED", random.randrange(1_000_000)))
    print(f"TEST_SEED={seed}")  # noqa: T201 - to play a failure again
    chance = random.Random(seed)
    fill(remote_world, SOME)
    reader = remote_world.store("reader")
    killed = 0
    for number in range(KILLS):
        keeper = FORK.Process(target=keep_house, args=(str(remote), tmp_path / "keeper"))
        before = git(remote, "rev-parse", "main")
        keeper.start()
        # at first in the midst of one write, later between two
        while number and keeper.is_alive() and git(remote, "rev-parse", "main") == before:
            pass
        keeper.join(chance.uniform(0, 0.1))
        killed += keeper.is_alive()
        keeper.kill()
        keeper.join()
        snapshot = reader.snapshot()
        everywhere = [*archived(snapshot), *(found.id for found in snapshot.jobs())]
        assert sorted(everywhere) == sorted([*(f"job_{n:04d}" for n in range(SOME)), "waits"])
    assert killed > 0

    keep_house(str(remote), tmp_path / "keeper")

    snapshot = reader.snapshot()
    assert [found.id for found in snapshot.jobs()] == ["waits"]
    for number in range(SOME):
        assert [t.id for t in snapshot.transitions(f"job_{number:04d}")] == [f"t{number}"]
