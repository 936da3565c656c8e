"""What goes from a builder's disk, and what stays."""

from __future__ import annotations

import os
from pathlib import Path

from pipelines.workspace.cleanup import jobs_here, removable_items, remove
from pipelines.workspace.job_metadata import JobNote, write_note
from pipelines.workspace.layout import Workspace
from pipelines.workspace.retention import DiskItem, over_limits

DAY = 86400.0
NOW = 1_000 * DAY
NO_LIMIT = (10_000 * DAY, 2**60)
LIMITS = dict.fromkeys(("workspaces", "mirrors", "logs", "maven"), NO_LIMIT)


def thing(name: str, days: float, size: int, *, held: bool = False) -> DiskItem:
    used = NOW - days * DAY
    return DiskItem(kind="logs", path=Path(name), name=name, size=size, used_at=used, held=held)


def names(things: list[DiskItem], age: float, size: int) -> list[str]:
    return [each.item.name for each in over_limits(things, age=age * DAY, size=size, now=NOW)]


def test_what_is_too_old_goes() -> None:
    things = [thing("new", 1, 5), thing("old", 11, 5), thing("held", 12, 5, held=True)]
    assert names(things, 10, 100) == ["old"]


def test_the_oldest_go_until_the_rest_is_small_enough() -> None:
    things = [thing("c", 1, 40), thing("a", 3, 40), thing("b", 2, 40)]
    assert names(things, 10, 100) == ["a"]
    assert names(things, 10, 79) == ["a", "b"]
    assert names(things, 10, 120) == []
    things[1] = thing("a", 3, 40, held=True)
    assert names(things, 10, 100) == ["b"]


def make_old(path: Path, days: float) -> None:
    for each in (*path.rglob("*"), path):
        os.utime(each, (NOW - days * DAY,) * 2, follow_symlinks=False)


def workspace(state: Path, job: str, days: float) -> Workspace:
    made = Workspace(state, job, 1)
    note = JobNote(job=job, pipeline="p", branch="main", commit=None, params={})
    write_note(made.note, note)
    made.packages.mkdir()
    (made.packages / "a.deb").write_bytes(b"x" * 9000)
    make_old(made.root, days)
    return made


def test_workspaces_that_are_not_held_go_with_all_they_have(tmp_path: Path) -> None:
    old, held, new = (
        workspace(tmp_path, job, days)
        for job, days in (("old", 50), ("a job/held", 60), ("new", 1))
    )
    assert set(jobs_here(tmp_path)) == {"old", "a job/held", "new"}
    limits = {**LIMITS, "workspaces": (30 * DAY, 2**60)}
    found = removable_items(tmp_path, limits, {"a job/held"}, NOW)
    assert [each.item.name for each in found] == ["old"]
    assert found[0].item.size >= 9000
    assert old.root.exists()
    remove(tmp_path, (each.item.path for each in found))
    assert [w.root.exists() for w in (old, held, new)] == [False, True, True]


def test_a_mirror_stays_as_long_as_a_source_tree_borrows_from_it(tmp_path: Path) -> None:
    for name in ("borrowed.git", "free.git"):
        (tmp_path / "mirrors" / name / "objects").mkdir(parents=True)
    borrower = workspace(tmp_path, "job", 1)
    alternates = borrower.source / ".git" / "objects" / "info" / "alternates"
    alternates.parent.mkdir(parents=True)
    alternates.write_text(f"{tmp_path / 'mirrors' / 'borrowed.git' / 'objects'}\n")
    make_old(tmp_path / "mirrors", 300)
    make_old(borrower.root, 1)
    limits = {**LIMITS, "mirrors": (180 * DAY, 2**60)}
    found = removable_items(tmp_path, limits, set(), NOW)
    assert [each.item.name for each in found] == ["free.git"]
    limits["workspaces"] = (0.5 * DAY, 2**60)
    found = removable_items(tmp_path, limits, set(), NOW)
    assert {each.item.name for each in found} == {"job", "free.git", "borrowed.git"}


def test_maven_versions_and_packed_logs_have_limits(tmp_path: Path) -> None:
    version = tmp_path / "maven-cache" / "org" / "x" / "1.0"
    version.mkdir(parents=True)
    (version / "x-1.0.jar").write_bytes(b"x" * 5000)
    module = tmp_path / "maven-modules" / "source" / "g+a" / "0.zip"
    module.parent.mkdir(parents=True)
    module.write_bytes(b"x" * 5000)
    for job in ("kept", "gone"):
        log = tmp_path / "log-archive" / "2020-01" / job / "001-maven.log.gz"
        log.parent.mkdir(parents=True)
        log.write_bytes(b"x" * 5000)
    limits = {**LIMITS, "maven": (10_000 * DAY, 100), "logs": (10_000 * DAY, 100)}
    found = removable_items(tmp_path, limits, {"kept"}, NOW)
    assert [each.item.name for each in found] == [
        "2020-01/gone/001-maven.log.gz",
        "org/x/1.0",
        "source/g+a/0.zip",
    ]
    remove(tmp_path, (each.item.path for each in found))
    assert not version.exists()
    assert version.parent.exists()
