from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from common.states import State
from coordination_tasks.commands.views.prediction import Durations, words_of_rest
from coordination_tasks.domain.model import Job

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def done(seconds: float, branch: str = "main", on: str = "build1", at: int = 0) -> Job:
    return Job(
        id="j", pipeline="web", branch=branch, state=State.SUCCEEDED, assigned_to=on,
        duration_seconds=seconds, completed_at=NOON + timedelta(minutes=at),
    )  # fmt: skip


def running(minutes: float, on: str = "build1") -> Job:
    began = NOON - timedelta(minutes=minutes)
    return Job(
        id="r", pipeline="web", branch="main", state=State.RUNNING, assigned_to=on,
        started_at=began,
    )  # fmt: skip


def test_the_middle_and_the_tenths_of_the_last_twenty() -> None:
    jobs = [done(9999, at=-1), *(done(seconds, at=seconds) for seconds in range(100, 120))]
    found = Durations(jobs).expected("web", "main")
    assert found is not None
    assert (found.typical, found.builds, found.same_branch) == (109.5, 20, True)
    assert (round(found.shortest, 1), round(found.longest, 1)) == (101.9, 117.1)


def test_a_branch_with_few_successes_borrows_from_the_others() -> None:
    jobs = [done(10, "new"), done(10, "new"), *(done(100) for _ in range(5))]
    found = Durations(jobs).expected("web", "new")
    assert found is not None
    assert (found.typical, found.same_branch, found.builds) == (100, False, 7)
    more = Durations([*jobs, done(10, "new")]).expected("web", "new")
    assert more is not None
    assert (more.typical, more.same_branch) == (10, True)


def test_other_pipelines_failures_and_unknown_durations_do_not_count() -> None:
    failed = Job(id="f", pipeline="web", state=State.FAILED, duration_seconds=5.0)
    other = Job(id="o", pipeline="api", state=State.SUCCEEDED, duration_seconds=5.0)
    unknown = Job(id="u", pipeline="web", state=State.SUCCEEDED)
    assert Durations([failed, other, unknown]).expected("web", "main") is None


def test_each_builder_has_its_own_pace() -> None:
    durations = Durations([done(10, on="fast"), done(100, on="slow")])
    assert durations.builders("web") == ["fast", "slow"]
    found = durations.expected("web", "main", "slow")
    assert found is not None
    assert (found.typical, found.shortest, found.longest) == (100, 100, 100)


def test_what_is_left_is_that_of_the_builds_that_took_longer_than_now() -> None:
    durations = Durations([done(60 * minutes) for minutes in (2, 4, 6, 8, 10)])
    assert durations.left(running(1), NOON) == 5 * 60
    assert durations.left(running(7), NOON) == 2 * 60
    assert durations.left(running(20), NOON) is None, "overdue"
    assert durations.left(done(5), NOON) is None
    assert durations.left(running(1, on="new"), NOON) == 5 * 60, "the pace of the others"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (3, "less than 1 min left"),
        (240, "about 4 min left"),
        (3599, "about 60 min left"),
        (4900, "about 1 h 20 min left"),
    ],
)
def test_rest_in_words(seconds: float | None, words: str) -> None:
    assert words_of_rest(seconds) == words
