"""The same cases for published logs in memory and on refs of a Git repository."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from coordination_tasks.domain.errors import NotFound, SecretFound, Unavailable
from coordination_tasks.domain.step_log import LogLimits, PublishedLog
from coordination_tasks.repository.git.step_logs import GitStepLogs
from coordination_tasks.repository.memory import MemoryRemote, MemoryStepLogs
from coordination_tasks.repository.step_logs import StepLogs
from tests.support.coordination.fake_secrets import TOKENS
from tests.support.coordination.world import NOON, bare_repository, git

Make = Callable[[str], StepLogs]
LIMITS = LogLimits(tail=4096, each=10_000, size=1_000_000, age=timedelta(days=14), failed=0)


def on_git(url: str, folder: Path, builder: str) -> GitStepLogs:
    return GitStepLogs(url, folder, builder=builder, timeout=30.0, clock=lambda: NOON)


@pytest.fixture(params=["memory", "git"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    if request.param == "memory":
        remote = MemoryRemote()
        return lambda builder: MemoryStepLogs(remote, builder)
    url = str(bare_repository(tmp_path / "remote.git"))
    return lambda builder: on_git(url, tmp_path / builder, builder)


def log(step: str, *, job: str = "job_1", minutes: float = 0) -> PublishedLog:
    at = NOON + timedelta(minutes=minutes)
    return PublishedLog(job=job, attempt=1, step=step, ended_at=at, lines=1)


def steps(logs: StepLogs, builder: str = "build1") -> list[str]:
    return [found.step for found in logs.published(builder)]


def test_what_one_builder_sends_another_reads(make: Make) -> None:
    mine, other = make("build1"), make("build2")
    assert not mine.unsent()
    mine.keep({log("compile"): b"[INFO] ok\n"}, LIMITS, NOON)
    assert mine.unsent()
    assert other.published("build1") == ()
    mine.send()
    assert not mine.unsent()
    [found] = other.published("build1")
    assert found.size > 0
    assert replace(found, size=0) == log("compile")
    assert other.text("build1", found) == b"[INFO] ok\n"
    with pytest.raises(NotFound):
        other.text("build1", log("package"))
    assert other.published("build3") == ()


def test_logs_are_added_and_one_of_the_same_step_is_replaced(make: Make) -> None:
    mine, other = make("build1"), make("build2")
    for text in (b"1\n", b"2\n"):
        mine.keep({log("compile"): text, log("a/b c", minutes=1): b"x\n"}, LIMITS, NOON)
        mine.send()
    mine.keep({log("test", job="../job é", minutes=2): b"3\n"}, LIMITS, NOON)
    mine.send()
    assert steps(other) == ["compile", "a/b c", "test"]
    assert [other.text("build1", found) for found in other.published("build1")] == [
        b"2\n",
        b"x\n",
        b"3\n",
    ]


def test_the_older_half_goes_by_size(make: Make) -> None:
    mine, other = make("build1"), make("build2")
    for number in range(8):
        one = log(f"s{number}", minutes=number)
        text = random.Random(number).randbytes(50).hex().encode()
        mine.keep({one: text}, replace(LIMITS, size=350), NOON)
        mine.send()
    left = steps(other)
    assert 0 < len(left) < 8
    assert left == [f"s{number}" for number in range(8 - len(left), 8)]


def test_the_older_half_goes_by_age(make: Make) -> None:
    mine, other = make("build1"), make("build2")
    for day in (0, 8, 13, 15):
        mine.keep({log(f"day{day}", minutes=day * 1440): b"1\n"}, LIMITS, NOON + timedelta(day))
    mine.send()
    assert steps(other) == ["day8", "day13", "day15"]


def test_a_push_sends_only_new_logs_and_removed_ones_leave_the_repository(
    remote: Path, tmp_path: Path
) -> None:
    mine = on_git(str(remote), tmp_path / "own", "build1")
    for number in range(3):
        mine.keep({log(f"s{number}", minutes=number): b"%d\n" % number}, LIMITS, NOON)
        mine.send()
    assert git(remote, "rev-list", "--count", "logs-build1") == "3"
    assert git(remote, "show", "logs-build1:job_1/001-s2.log") == "2"
    mine.keep({log("s3", minutes=3): b"3\n"}, replace(LIMITS, size=20), NOON)
    mine.send()
    assert git(remote, "rev-list", "--count", "logs-build1") == "1"
    assert "s0" not in git(remote, "ls-tree", "-r", "--name-only", "logs-build1")


def test_a_remote_without_forced_pushes_gets_the_removal_as_a_commit(
    remote: Path, tmp_path: Path
) -> None:
    git(remote, "config", "receive.denyNonFastForwards", "true")
    mine, other = (on_git(str(remote), tmp_path / b, b) for b in ("build1", "build2"))
    for number in range(4):
        mine.keep({log(f"s{number}", minutes=number): b"1\n"}, replace(LIMITS, size=25), NOON)
        mine.send()
    assert 0 < len(steps(other)) < 4
    assert not mine.unsent()


def test_a_builder_that_lost_its_copy_keeps_what_the_remote_has(
    remote: Path, tmp_path: Path
) -> None:
    on_git(str(remote), tmp_path / "b", "build1").keep({log("old"): b"1\n"}, LIMITS, NOON)
    on_git(str(remote), tmp_path / "b", "build1").send()
    shutil.rmtree(tmp_path / "b")
    mine = on_git(str(remote), tmp_path / "b", "build1")
    mine.keep({log("new", minutes=1): b"2\n"}, LIMITS, NOON)
    mine.send()
    assert steps(on_git(str(remote), tmp_path / "x", "build2")) == ["old", "new"]


def test_what_could_not_be_sent_is_sent_by_a_later_process(remote: Path, tmp_path: Path) -> None:
    away = remote.rename(tmp_path / "away.git")
    mine = on_git(str(remote), tmp_path / "own", "build1")
    mine.keep({log("compile"): b"1\n"}, LIMITS, NOON)
    with pytest.raises(Unavailable):
        mine.send()
    away.rename(remote)
    later = on_git(str(remote), tmp_path / "own", "build1")
    assert later.unsent()
    later.send()
    assert steps(later) == ["compile"]


def test_a_secret_is_not_even_kept(remote: Path, tmp_path: Path) -> None:
    mine = on_git(str(remote), tmp_path / "own", "build1")
    with pytest.raises(SecretFound):
        mine.keep({log("compile"): TOKENS["AWS Access Key"].encode()}, LIMITS, NOON)
    assert not mine.unsent()


GOOD = (
    '{"job": "j", "attempt": 1, "step": "good", "file": "x", "ended_at": "2025-10-29T12:00:00Z",'
    ' "lines": 1, "left_out": 0, "size": 1}'
)


@pytest.mark.parametrize(
    ("index", "left"),
    [
        ('{"logs": [{"job": 1}, %s]}', ["good"]),
        ('{"logs": [%s, {"attempt": 1e999, "ended_at": "2025-10-29T12:00:00Z"}]}', ["good"]),
        ('{"logs": ["x", null, %s]}', ["good"]),
        ("[%s]", []),
        ("%s", []),
        ('{"logs": 5, "x": %s}', []),
        ("{%s", []),
    ],
)
def test_an_index_that_others_broke_loses_only_what_is_broken(
    remote: Path, tmp_path: Path, index: str, left: list[str]
) -> None:
    tree = tmp_path / "tree"
    git(tmp_path, "init", "--quiet", str(tree))
    (tree / "index.json").write_text(index % GOOD)
    git(tree, "add", "--all")
    git(tree, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "--quiet", "--message=x")
    git(tree, "push", "--quiet", str(remote), "HEAD:logs-build1")
    assert steps(on_git(str(remote), tmp_path / "x", "build2")) == left
