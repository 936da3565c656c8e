"""What was: the history by time and by commit, though the clone of transactions is shallow."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from coordination_tasks.domain.errors import BadRequest, NotFound, Unavailable
from coordination_tasks.domain.timestamps import format_time
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.repository.protocol import Version
from coordination_tasks.store.history import GitHistory
from tests.conftest import AUTHOR
from tests.conftest import git as git_of
from tests.support.coordination.world import NOON, git

HOUR = timedelta(hours=1)


def write(remote: Path, folder: Path, texts: list[str]) -> list[Version]:
    """One version for each text of the file `a`, an hour apart from noon on."""
    made = []
    for number, text in enumerate(texts):
        at = NOON + HOUR * number
        with GitRepository(str(remote), folder, author="b", clock=lambda at=at: at) as repository:  # type: ignore[misc]
            made.append(repository.push_if_unchanged(repository.fetch(), {"a": text.encode()}, "x"))
    return made


def test_a_time_finds_what_was_newest_then(remote: Path, tmp_path: Path) -> None:
    first, second, third = write(remote, tmp_path / "c", ["1", "2", "3"])

    with GitHistory(str(remote), tmp_path / "history") as history:
        found = {
            when: history.find(when)
            for when in ("2025-10-29T12:00:00Z", "2025-10-29 13:59", "2025-10-29T16:30:00+02:00")
        }
        assert list(found.values()) == [first, second, third]
        assert history.find(format_time(NOON + 1000 * HOUR)) == third
        assert history.snapshot(second).read("a") == b"2"
        assert history.time_of(second) == NOON + HOUR
        assert list(history.versions_of("a")) == [third, second, first]
        assert list(history.versions_of("*")) == []


def test_a_commit_is_found_by_its_beginning(remote: Path, tmp_path: Path) -> None:
    first, *_ = write(remote, tmp_path / "c", ["1", "2"])

    with GitHistory(str(remote), tmp_path / "history") as history:
        assert history.find(first) == history.find(first[:7]) == first


def commits_alike(folder: Path) -> tuple[str, str]:
    """Two commits whose ids begin alike, by trial: some 20,000 of 2^28 beginnings do."""
    git_of("init", "--quiet", "--bare", str(folder))
    tree = git_of("-C", str(folder), "hash-object", "-t", "tree", "-w", "/dev/null")
    seen: dict[str, bytes] = {}
    for number in count():
        text = f"tree {tree}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\n{number}\n".encode()
        made = hashlib.sha1(b"commit %d\0%b" % (len(text), text)).hexdigest()
        other = seen.setdefault(made[:7], text)
        if other != text:
            paths = [folder / "one", folder / "other"]
            for path, content in zip(paths, (other, text), strict=True):
                path.write_bytes(content)
            words = ("-C", str(folder), "hash-object", "-t", "commit", "-w")
            first, second = (git_of(*words, str(path)) for path in paths)
            return first, second
    raise AssertionError


def test_the_beginning_of_two_commits_is_refused_with_both(remote: Path, tmp_path: Path) -> None:
    one, other = commits_alike(tmp_path / "c")
    words = ("-C", str(tmp_path / "c"), *AUTHOR)
    both = git_of(*words, "commit-tree", "-m", "both", "-p", one, "-p", other, f"{one}^{{tree}}")
    git_of(*words, "push", "--quiet", str(remote), f"{both}:refs/heads/main")
    with GitHistory(str(remote), tmp_path / "history") as history:
        with pytest.raises(BadRequest, match=f"commit id {one[:7]} is ambiguous") as told:
            history.find(one[:7])
        assert one in str(told.value)
        assert other in str(told.value)
        assert history.find(one) == one


def test_what_cannot_be_found_is_told(remote: Path, tmp_path: Path) -> None:
    write(remote, tmp_path / "c", ["1"])

    with GitHistory(str(remote), tmp_path / "history") as history:
        with pytest.raises(NotFound, match="its history starts at 2025-10-29T12:00:00Z"):
            history.find("2025-10-29T11:59:59Z")
        with pytest.raises(NotFound, match="its history starts at 2025-10-29T12:00:00Z"):
            history.find("0001-01-01")
        with pytest.raises(NotFound, match="unknown commit abcdef1"):
            history.find("abcdef1")
        for odd in ("yesterday", "--all", "", "main", "HEAD~1"):
            with pytest.raises(BadRequest):
                history.find(odd)


def test_a_date_of_digits_is_a_time(remote: Path, tmp_path: Path) -> None:
    [only] = write(remote, tmp_path / "c", ["1"])

    with GitHistory(str(remote), tmp_path / "history") as history:
        assert history.find("20251030") == only


def test_it_follows_and_keeps_what_was_rewritten(remote: Path, tmp_path: Path) -> None:
    first, second = write(remote, tmp_path / "c", ["1", "2"])
    with GitHistory(str(remote), tmp_path / "history") as history:
        assert history.find(second) == second
    git(remote, "update-ref", "refs/heads/main", first)

    with GitHistory(str(remote), tmp_path / "history") as history:
        assert history.find("2026-01-01") == first
        assert history.snapshot(history.find(second)).read("a") == b"2"


def test_a_damaged_copy_is_made_again(remote: Path, tmp_path: Path) -> None:
    [first] = write(remote, tmp_path / "c", ["1"])
    with GitHistory(str(remote), tmp_path / "history"):
        pass
    for path in (tmp_path / "history").rglob("config"):
        path.write_text("[core\n")

    with GitHistory(str(remote), tmp_path / "history") as history:
        assert history.find(first) == first


def test_a_shallow_remote_has_what_it_has(remote: Path, tmp_path: Path) -> None:
    _, second = write(remote, tmp_path / "c", ["1", "2"])
    git(tmp_path, "clone", "--quiet", "--bare", "--depth=1", remote.as_uri(), "shallow.git")

    with GitHistory(str(tmp_path / "shallow.git"), tmp_path / "history") as history:
        assert history.find("2026-01-01") == second
        with pytest.raises(NotFound, match="starts at 2025-10-29T13:00:00Z"):
            history.find("2025-10-29T12:30:00Z")


def test_without_a_commit_or_a_remote(remote: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no commits yet"):
        GitHistory(str(remote), tmp_path / "history")
    with pytest.raises(Unavailable):
        GitHistory(str(tmp_path / "none.git"), tmp_path / "history")
