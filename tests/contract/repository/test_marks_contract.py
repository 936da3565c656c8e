"""The same cases for marks in memory and on tags of a Git repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordination_tasks.repository.git.marks import GitMarks
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.repository.marks import Marks
from coordination_tasks.repository.memory import MemoryMarks, MemoryRemote, MemoryRepository
from coordination_tasks.repository.protocol import Mark, Moved, Repository
from tests.support.coordination.world import NOON, bare_repository, git

Made = tuple[Repository, Marks]


@pytest.fixture(params=["memory", "git"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    if request.param == "memory":
        remote = MemoryRemote()
        return MemoryRepository(remote), MemoryMarks(remote)
    url = str(bare_repository(tmp_path / "remote.git"))
    repository = GitRepository(url, tmp_path / "cache", author="build1", clock=lambda: NOON)
    return repository, GitMarks(url, tmp_path / "marks")


def names(marks: Marks, prefix: str = "") -> list[str]:
    return [mark.name for mark in marks.named(prefix)]


def test_a_write_marks_the_version_that_it_makes(made: Made) -> None:
    repository, marks = made
    assert names(marks) == []
    first = repository.push_if_unchanged(
        repository.fetch(), {"a": b"1"}, "first", (), [Mark("good-feature/x-1", "job: j\n\nmore")]
    )
    second = repository.push_if_unchanged(
        first, {"a": b"2"}, "second", (), [Mark("good-main-2", "two"), Mark("other", "o")]
    )
    found = marks.named("good-")
    assert [(mark.name, mark.text, mark.version) for mark in found] == [
        ("good-feature/x-1", "job: j\n\nmore", first),
        ("good-main-2", "two", second),
    ]
    assert repository.read(repository.fetch(), "a") == b"2"


def test_a_write_that_lost_marks_nothing(made: Made) -> None:
    repository, marks = made
    before = repository.fetch()
    repository.push_if_unchanged(before, {"a": b"1"}, "first")
    with pytest.raises(Moved):
        repository.push_if_unchanged(before, {"a": b"2"}, "late", (), [Mark("late", "x")])
    assert names(marks) == []


def test_a_name_that_is_taken_or_unusable_does_not_stop_the_write(made: Made) -> None:
    repository, marks = made
    first = repository.push_if_unchanged(
        repository.fetch(), {"a": b"1"}, "first", (), [Mark("one", "first")]
    )
    later = repository.push_if_unchanged(first, {"a": b"2"}, "second", (), [Mark("one", "second")])
    assert repository.read(later, "a") == b"2"
    assert [(mark.version, mark.text) for mark in marks.named("one")] == [(first, "first")]


def test_marks_are_removed_and_their_versions_stay(made: Made) -> None:
    repository, marks = made
    version = repository.push_if_unchanged(
        repository.fetch(), {"a": b"1"}, "m", (), [Mark("one", "1"), Mark("two", "2")]
    )
    marks.remove([])
    marks.remove(["one"])
    marks.remove(["one"])
    assert names(marks) == ["two"]
    assert repository.fetch() == version


def test_a_remote_without_tags_gets_the_write(tmp_path: Path) -> None:
    remote = bare_repository(tmp_path / "remote.git")
    hook = remote / "hooks/update"
    hook.write_text('#!/bin/sh\ncase "$1" in refs/tags/*) echo no tags; exit 1;; esac\n')
    hook.chmod(0o755)
    repository = GitRepository(str(remote), tmp_path / "cache", author="b", clock=lambda: NOON)
    marks = [Mark("one", "1")]
    version = repository.push_if_unchanged(repository.fetch(), {"a": b"1"}, "m", (), marks)
    assert git(remote, "rev-parse", "main") == version
    assert GitMarks(str(remote), tmp_path / "marks").named("") == ()


def test_a_tag_of_an_old_program_has_no_text(tmp_path: Path) -> None:
    remote = bare_repository(tmp_path / "remote.git")
    repository = GitRepository(str(remote), tmp_path / "cache", author="b", clock=lambda: NOON)
    version = repository.push_if_unchanged(repository.fetch(), {"a": b"1"}, "job: x")
    git(remote, "tag", "build-success-main-20251029-120000", version)
    [found] = GitMarks(str(remote), tmp_path / "marks").named("build-success-")
    assert (found.text, found.version) == ("", version)
