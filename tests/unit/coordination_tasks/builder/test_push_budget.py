"""At most so many pushes in any minute, counted for all processes of a builder together."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from coordination_tasks.builder.push_budget import PushBudget
from coordination_tasks.domain.errors import NotDurable


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("per_minute", "most", "window"), [(6, 6, 60), (1, 1, 60), (0.5, 1, 120), (2.5, 2, 48)]
)
def test_no_more_than_the_budget_in_any_window(
    tmp_path: Path, per_minute: float, most: int, window: float
) -> None:
    clock = Seconds()
    budget = PushBudget(tmp_path / "pushes.json", per_minute, monotonic=clock)
    pushes = []
    for _ in range(600):
        if budget.has_room():
            budget.spend()
            pushes.append(clock.now)
        clock.now += 1
    assert len(pushes) == pytest.approx(600 / 60 * per_minute, abs=most)
    assert all(later - first >= window for first, later in zip(pushes, pushes[most:], strict=False))


def test_what_must_not_wait_makes_the_rest_wait(tmp_path: Path) -> None:
    clock = Seconds()
    budget = PushBudget(tmp_path / "pushes.json", 2, monotonic=clock)
    for _ in range(3):
        budget.spend()
    clock.now += 60
    assert budget.has_room()  # one of two places: the third push took the other one
    budget.spend()
    assert not budget.has_room()
    clock.now += 60
    assert budget.has_room()


def test_many_that_must_not_wait_make_the_rest_wait_for_two_windows_at_most(
    tmp_path: Path,
) -> None:
    clock = Seconds()
    budget = PushBudget(tmp_path / "pushes.json", 2, monotonic=clock)
    for _ in range(100):
        budget.spend()
    clock.now += 119
    assert not budget.has_room()
    clock.now += 1
    assert budget.has_room()


def spend(path: Path) -> None:
    PushBudget(path, 6).spend()


def test_all_processes_share_it(tmp_path: Path) -> None:
    path = tmp_path / "pushes.json"
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.map(spend, [path] * 5, chunksize=1)
    assert PushBudget(path, 6).has_room()
    spend(path)
    assert not PushBudget(path, 6).has_room()


@pytest.mark.parametrize("left", ["", "[1, ", "[9e9, 9e9, 9e9, 9e9]"])
def test_a_torn_file_and_one_from_before_the_reboot_hold_nobody_up(
    tmp_path: Path, left: str
) -> None:
    path = tmp_path / "pushes.json"
    path.write_text(left)
    assert PushBudget(path, 1).has_room()


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "pushes.json").mkdir()
    with pytest.raises(NotDurable, match="pushes"):
        PushBudget(tmp_path / "pushes.json", 1).spend()


@pytest.mark.parametrize("content", ["", "null", '{"a": 5}', '["x"]', "[[1]]", "5"])
def test_a_file_that_cannot_be_understood_counts_no_push(tmp_path: Path, content: str) -> None:
    path = tmp_path / "pushes.json"
    path.write_text(content)
    budget = PushBudget(path, 1, monotonic=Seconds())
    assert budget.has_room()
    budget.spend()
    assert not budget.has_room()
