"""Lock files that a killed git left behind, in each of our clones: nobody has to remove them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from coordination_tasks.repository.git.heartbeats import GitHeartbeats
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.store.history import GitHistory
from tests.support.coordination.world import World, claim, clone_in, job

LOCKS = ("index", "HEAD", "config", "shallow", "packed-refs")


def leave_locks(git_dir: Path, *refs: str) -> list[Path]:
    """All lock files that there can be, as a git leaves them that was killed."""
    made = [git_dir / f"{name}.lock" for name in (*LOCKS, *refs)]
    for lock in made:
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
    return made


@pytest.mark.parametrize("name", [*LOCKS, "refs/remotes/origin/main"])
def test_each_lock_in_the_clone_of_the_store(
    remote_world: World, remote: Path, tmp_path: Path, name: str
) -> None:
    cache = tmp_path / "the cache"
    with GitRepository(str(remote), cache, author="build1", timeout=30.0) as repository:
        store = remote_world.store_on(repository)
        store.enqueue(job("job_1"))
        (clone_in(cache) / f"{name}.lock").touch()
        remote_world.store("build2").enqueue(job("job_2"))

        assert [found.id for found in store.jobs()] == ["job_1", "job_2"]
        assert claim(store).job.id == "job_1"


def test_locks_in_the_clone_of_the_heartbeats(remote: Path, tmp_path: Path) -> None:
    folder = tmp_path / "heartbeats.git"
    place = "heartbeat-build1"
    beats = GitHeartbeats(str(remote), folder, builder="build1", branch=place)
    beats.beat({"status.json": b"{}"})
    assert beats.read({place: "status.json"}) == {place: b"{}"}
    leave_locks(folder, f"refs/fetched/{place}")

    before = beats.signs()
    beats.beat({"status.json": b'{"more": 1}'})

    assert beats.signs()[place] != before[place]
    assert beats.read({place: "status.json"}) == {place: b'{"more": 1}'}


def test_locks_in_the_clone_of_the_history(
    remote_world: World, remote: Path, tmp_path: Path
) -> None:
    remote_world.write("a", "1")
    folder = tmp_path / "history"
    with GitHistory(str(remote), folder):
        [head] = folder.glob("*/HEAD")
    leave_locks(head.parent, "refs/heads/main")
    remote_world.write("a", "2")

    with GitHistory(str(remote), folder) as history:
        assert history.newest().read("a") == b"2"


def test_the_lock_of_a_living_git_is_waited_for_or_gone_round(
    remote_world: World, remote: Path, tmp_path: Path
) -> None:
    """Its clone is left to it, with its lock: the store takes another one."""
    cache = tmp_path / "the cache"
    with GitRepository(str(remote), cache, author="build1", timeout=30.0) as repository:
        store = remote_world.store_on(repository)
        store.enqueue(job("job_1"))
        clone = clone_in(cache)
        command = ["git", f"--git-dir={clone}", "update-ref", "--stdin"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as living:
            assert living.stdin
            assert living.stdout
            tip = (clone / "refs/remotes/origin/main").read_text().strip()
            # held until it is told to go on
            living.stdin.write(f"start\nupdate refs/remotes/origin/main {tip} {tip}\nprepare\n")
            living.stdin.flush()
            assert living.stdout.readline() == "start: ok\n"
            assert living.stdout.readline() == "prepare: ok\n"
            lock = clone / "refs/remotes/origin/main.lock"
            assert lock.exists()
            remote_world.store("build2").enqueue(job("job_2"))

            assert [found.id for found in store.jobs()] == ["job_1", "job_2"]

            assert lock.exists() or not clone.exists()
            living.stdin.close()
