"""Which builds were good, by the names and texts of their marks."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from coordination_tasks.domain.good_builds import (
    good_builds,
    surplus,
    tag_name,
    tag_text,
)
from coordination_tasks.domain.model import Job

NOON = datetime(2025, 10, 29, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Mark:
    name: str
    text: str = ""


def mark(branch: str, minutes: int = 0, job: str = "job_1") -> Mark:
    at = NOON + timedelta(minutes=minutes)
    name = tag_name(branch, at)
    assert name is not None
    built = Job(id=job, branch=branch, commit="c" * 40, attempt=2, pipeline="debs")
    return Mark(name, tag_text(built, "build1", at))


@pytest.mark.parametrize("branch", ["main", "feature/a-b", "4.21", "main-20251029T120000Z"])
def test_a_branch_is_found_again_whatever_its_name(branch: str) -> None:
    [found] = good_builds([mark(branch)])
    assert (found.branch, found.job, found.attempt) == (branch, "job_1", 2)
    assert (found.builder, found.pipeline, found.at) == ("build1", "debs", NOON)
    assert found.tag == f"build-success-{branch}-20251029T120000Z"


@pytest.mark.parametrize(
    "branch",
    [
        *("", "a b", "a..b", "a:b", "a^", "x@{1}", "a//b", "a/.b", "a.lock/b", "\x7f"),
        "b" * 300,
    ],
)
def test_a_branch_that_git_would_not_take_gets_no_tag(branch: str) -> None:
    assert tag_name(branch, NOON) is None
    name = f"refs/tags/build-success-{branch}-20251029T120000Z"
    if branch and len(branch) < 300:
        done = subprocess.run(["git", "check-ref-format", name], check=False)
        assert done.returncode == 1


def test_tags_of_old_programs_have_only_their_name() -> None:
    for name in ("main-20251029-120000", "main-20251029T120000Z", "main-20251029120000"):
        [found] = good_builds([Mark(f"build-success-{name}")])
        assert (found.branch, found.at, found.job) == ("main", NOON, "")
    assert good_builds([Mark("build-success-main"), Mark("v1.0")]) == []


def test_the_newest_stay() -> None:
    marks = [mark("main", minute) for minute in range(5)] + [mark("other")]
    builds = good_builds(marks)
    assert builds[0].at == NOON + timedelta(minutes=4)
    gone = surplus(builds, 2)
    assert [(build.branch, build.at - NOON) for build in gone] == [
        ("main", timedelta(minutes=minutes)) for minutes in (2, 1, 0)
    ]
