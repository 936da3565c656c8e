"""Each fault of a builder's own clone, made to happen with the real git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from coordination_tasks.repository.git.clone import CloneFolder
from coordination_tasks.repository.git.repository import GitRepository
from tests.support.coordination.world import (
    World,
    claim,
    clone_in,
    git,
    job,
)


@pytest.mark.parametrize("lock", ["refs/remotes/origin/main.lock", "packed-refs.lock"])
def test_a_stale_lock_in_the_clone_is_got_rid_of(
    remote_world: World, repository: GitRepository, cache: Path, lock: str
) -> None:
    remote_world.write("a", "1")
    repository.fetch()
    path = clone_in(cache) / lock
    path.touch()
    newest = remote_world.write("a", "2")

    assert repository.fetch() == newest
    assert repository.read(newest, "a") == b"2"


def test_a_clone_with_a_corrupt_object_is_replaced(
    remote_world: World, remote: Path, repository: GitRepository, cache: Path
) -> None:
    store = remote_world.store_on(repository)
    store.enqueue(job())
    repository.close()
    broken = clone_in(cache)
    for path in [*broken.glob("objects/??/*"), *broken.glob("objects/pack/*.pack")]:
        path.chmod(0o644)
        path.write_bytes(b"garbage")

    assert claim(store).job.id == "job_1"
    assert clone_in(cache) != broken
    git(remote, "fsck", "--strict")


@pytest.mark.parametrize("damage", ["rm -rf objects", "rm -rf .", "rm HEAD", "echo x >config"])
def test_a_damaged_clone_is_replaced_while_it_is_used(
    remote_world: World, repository: GitRepository, cache: Path, damage: str
) -> None:
    store = remote_world.store_on(repository)
    store.enqueue(job())
    subprocess.run(["sh", "-c", f"{damage} 2>&1 || true"], cwd=clone_in(cache), check=True)

    assert claim(store).job.id == "job_1"
    store.enqueue(job("job_2"))
    assert claim(store).job.id == "job_2"


def test_a_worn_clone_is_replaced_and_nothing_lost(
    remote_world: World, repository: GitRepository, cache: Path
) -> None:
    old = remote_world.write("a", "1")
    repository.fetch()
    worn = clone_in(cache)
    (worn / "objects" / "17").mkdir(exist_ok=True)
    for number in range(100):
        (worn / "objects" / "17" / f"{number:038x}").touch()
    newest = remote_world.write("a", "2")

    assert repository.fetch() == newest
    assert repository.read(newest, "a") == b"2"
    assert clone_in(cache) != worn
    assert not worn.exists()
    later = repository.push_if_unchanged(newest, {"b": b"3"}, "goes on")
    assert repository.contains(later, newest)
    assert old != newest


def test_a_clone_that_another_process_uses_is_not_removed(tmp_path: Path) -> None:
    folder = CloneFolder(tmp_path)
    first = folder.create()
    folder.make_current(first)
    user = folder.open()
    first.close()

    folder.make_current(folder.create())
    assert first.git_dir.exists()
    assert user is not None
    user.close()
    folder.make_current(folder.create())
    assert not first.git_dir.exists()


def test_processes_of_one_host_share_a_clone(
    remote_world: World, remote: Path, cache: Path
) -> None:
    remote_world.write("a", "1")
    with GitRepository(str(remote), cache, author="one") as one:
        version = one.fetch()
        with GitRepository(str(remote), cache, author="two") as two:
            assert two.known() == version
            newest = two.push_if_unchanged(version, {"a": b"2"}, "two")
        assert one.fetch() == newest
    assert len(list(cache.glob("*/clone-*/HEAD"))) == 1


@pytest.mark.parametrize("pointer", [b"", b"\xff\xfe", b"../elsewhere", b"clone-"])
def test_a_damaged_pointer_leads_to_no_clone(tmp_path: Path, pointer: bytes) -> None:
    folder = CloneFolder(tmp_path)
    folder.make_current(folder.create())
    (tmp_path / "current").write_bytes(pointer)
    assert folder.open() is None
    folder.make_current(folder.create())
    assert folder.open() is not None
