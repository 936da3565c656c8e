"""The same cases for heartbeats in memory and on refs of a Git repository."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from coordination_tasks.domain.errors import BadConfiguration, Unavailable, WriteRefused
from coordination_tasks.repository.git.heartbeats import GitHeartbeats
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.repository.heartbeats import FACTS, Heartbeats, own_place
from coordination_tasks.repository.memory import MemoryHeartbeats, MemoryRemote, MemoryRepository
from coordination_tasks.repository.protocol import Repository
from tests.support.coordination.world import bare_repository, git

Make = Callable[[str], Heartbeats]
FILES = {"build1/status.json": b"{}\n", "build1/heartbeat.json": b'{"server": "build1"}\n'}


@pytest.fixture(params=["memory", "git"])
def farm(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Make, Repository]:
    if request.param == "memory":
        remote = MemoryRemote()
        return lambda place: MemoryHeartbeats(remote, place), MemoryRepository(remote)
    url = str(bare_repository(tmp_path / "remote.git"))
    return (
        lambda place: on_git(url, tmp_path / place, place),
        GitRepository(url, tmp_path / "cache", author="somebody"),
    )


def on_git(url: str, folder: Path, place: str) -> GitHeartbeats:
    return GitHeartbeats(url, folder, builder="build1", branch=place, timeout=30.0)


def loose_objects(repository: Path) -> int:
    return int(git(repository, "count-objects").split()[0])


def test_each_beat_changes_the_sign(farm: tuple[Make, Repository]) -> None:
    make, _ = farm
    mine, other = make(own_place("build1")), make(own_place("build2"))
    seen = []
    for _ in range(4):
        mine.beat(FILES)
        seen.append(other.signs()["heartbeat-build1"])
    assert len(set(seen)) == 4


def test_nobody_has_beaten_yet(farm: tuple[Make, Repository]) -> None:
    make, _ = farm
    assert make(own_place("build1")).signs() == {}
    assert make(own_place("build1")).read({"heartbeat-build2": "build2/status.json"}) == {}


def test_the_facts_have_a_sign_too(farm: tuple[Make, Repository]) -> None:
    make, repository = farm
    mine = make(own_place("build1"))
    first = repository.push_if_unchanged(repository.fetch(), {"a": b"1"}, "first")
    before = mine.signs()[FACTS]
    mine.beat(FILES)
    assert mine.signs()[FACTS] == before
    repository.push_if_unchanged(first, {"a": b"2"}, "second")
    assert mine.signs()[FACTS] != before
    repository.close()


def test_a_place_with_another_name_has_to_be_asked_for(farm: tuple[Make, Repository]) -> None:
    make, _ = farm
    make("beats/of-build1").beat(FILES)
    looker = make(own_place("build2"))
    assert "beats/of-build1" not in looker.signs()
    assert "beats/of-build1" in looker.signs({"beats/of-build1", "--upload-pack=x", ""})


def test_what_the_last_beat_told_can_be_read(farm: tuple[Make, Repository]) -> None:
    make, _ = farm
    mine, other = make(own_place("build1")), make(own_place("build2"))
    mine.beat(FILES)
    mine.beat({"build1/status.json": b"[]\n"})
    other.beat(FILES)
    found = other.read(
        {
            "heartbeat-build1": "build1/status.json",
            "heartbeat-build2": "build2/status.json",
            "--upload-pack=x": "build1/status.json",
        }
    )
    assert found == {"heartbeat-build1": b"[]\n"}
    assert other.read({}) == {}


def test_what_is_known_by_its_sign_is_as_new(farm: tuple[Make, Repository]) -> None:
    make, _ = farm
    mine, other = make(own_place("build1")), make(own_place("build2"))
    paths = {"heartbeat-build1": "build1/status.json"}
    for content in (b"1", b"2"):
        mine.beat({"build1/status.json": content})
        signs = other.signs()
        assert other.read(paths, signs) == {"heartbeat-build1": content}
        assert other.read(paths, signs) == {"heartbeat-build1": content}


def test_what_is_known_by_its_sign_is_not_fetched_again(remote: Path, tmp_path: Path) -> None:
    heartbeats = on_git(str(remote), tmp_path / "own", "heartbeat-build1")
    heartbeats.beat(FILES)
    paths, signs = {"heartbeat-build1": "build1/status.json"}, heartbeats.signs()
    read = heartbeats.read(paths, signs)
    remote.rename(tmp_path / "unreachable")
    assert heartbeats.read(paths, signs) == read
    with pytest.raises(Unavailable):
        heartbeats.read(paths)


def test_one_parentless_commit_that_cost_few_objects(remote: Path, tmp_path: Path) -> None:
    heartbeats = on_git(str(remote), tmp_path / "own", "heartbeat-build1")
    heartbeats.beat({**FILES, "build1/heartbeat.json": b"{}"})
    objects = loose_objects(remote)
    heartbeats.beat(FILES)
    assert loose_objects(remote) - objects == len(("commit", "two trees", "", "heartbeat.json"))
    assert git(remote, "rev-list", "--count", "--all") == "1"
    assert git(remote, "show", "heartbeat-build1:build1/heartbeat.json") == '{"server": "build1"}'
    assert git(remote, "for-each-ref", "--format=%(refname)") == "refs/heads/heartbeat-build1"


def test_the_small_repository_may_be_lost_at_any_time(remote: Path, tmp_path: Path) -> None:
    heartbeats = on_git(str(remote), tmp_path / "own", "heartbeat-build1")
    heartbeats.beat(FILES)
    for file in (tmp_path / "own" / "objects").rglob("*"):
        if file.is_file():
            file.unlink()
    before = heartbeats.signs()
    heartbeats.beat(FILES)
    heartbeats.beat(FILES)
    assert heartbeats.signs() != before
    (tmp_path / "own" / "HEAD").unlink()
    heartbeats.beat(FILES)


def test_a_remote_that_lets_nobody_force_a_branch(remote: Path, tmp_path: Path) -> None:
    git(remote, "config", "receive.denyNonFastForwards", "true")
    heartbeats = on_git(str(remote), tmp_path / "own", "heartbeat-build1")
    heartbeats.beat(FILES)
    with pytest.raises(WriteRefused, match="rejects heartbeats"):
        heartbeats.beat(FILES)


def test_a_remote_that_is_away(tmp_path: Path) -> None:
    heartbeats = on_git(str(tmp_path / "nowhere.git"), tmp_path / "own", "heartbeat-build1")
    with pytest.raises(Unavailable):
        heartbeats.beat(FILES)
    with pytest.raises(Unavailable):
        heartbeats.signs()


def test_a_name_that_no_branch_can_have(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="branch"):
        on_git(str(tmp_path), tmp_path / "own", "-x")
