from __future__ import annotations

from datetime import timedelta

import pytest

from coordination_tasks.domain.step_log import LogLimits, PublishedLog, remaining
from tests.support.coordination.world import NOON

LIMITS = LogLimits(tail=0, each=0, size=100, age=timedelta(days=10), failed=0)


def logs(*days_and_sizes: tuple[int, int]) -> list[PublishedLog]:
    return [
        PublishedLog(
            job="j", attempt=1, step=f"s{n}", ended_at=NOON - timedelta(days), lines=1, size=size
        )
        for n, (days, size) in enumerate(days_and_sizes)
    ]


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ([], []),
        ([(10, 50), (0, 50)], ["s0", "s1"]),
        ([(11, 1), (6, 1), (5, 1), (0, 1)], ["s2", "s3"]),
        ([(4, 40), (3, 40), (2, 20), (1, 30)], ["s2", "s3"]),
        ([(0, 20), (4, 90)], ["s0"]),
        ([(0, 101)], []),
    ],
)
def test_what_stays(given: list[tuple[int, int]], left: list[str]) -> None:
    assert [log.step for log in remaining(logs(*given), LIMITS, NOON)] == left


def test_each_removal_frees_half() -> None:
    kept: list[PublishedLog] = []
    removals = 0
    for number in range(1000):
        new = PublishedLog(job="j", attempt=1, step=f"s{number}", ended_at=NOON, lines=1, size=1)
        after = list(remaining([*kept, new], LIMITS, NOON))
        removals += len(after) < len(kept) + 1
        kept = after
        assert sum(log.size for log in kept) <= LIMITS.size
    assert removals < 1000 / (LIMITS.size / 2) + 1
