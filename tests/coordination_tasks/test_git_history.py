"""What was: the history by time and by commit, though the clone of transactions is shallow."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from coordination_tasks.errors import BadRequest, NotFound, Unavailable
from coordination_tasks.git_history import GitHistory
from coordination_tasks.git_repository import GitRepository
from coordination_tasks.repository import Version
from coordination_tasks.times import format_time
from tests.coordination_tasks.coordination_world import NOON, git

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


def test_what_cannot_be_found_is_told(remote: Path, tmp_path: Path) -> None:
    write(remote, tmp_path / "c", ["1"])

    with GitHistory(str(remote), tmp_path / "history") as history:
        with pytest.raises(NotFound, match="its history begins at 2025-10-29T12:00:00Z"):
            history.find("2025-10-29T11:59:59Z")
        with pytest.raises(NotFound, match="there is no commit abcdef1"):
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
        with pytest.raises(NotFound, match="begins at 2025-10-29T13:00:00Z"):
            history.find("2025-10-29T12:30:00Z")


def test_without_a_commit_or_a_remote(remote: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no commit yet"):
        GitHistory(str(remote), tmp_path / "history")
    with pytest.raises(Unavailable):
        GitHistory(str(tmp_path / "none.git"), tmp_path / "history")
