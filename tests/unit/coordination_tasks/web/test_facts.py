"""What the pages show: lines of time, trends, and names of files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.states import State
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.web.farm_facts import page_name
from coordination_tasks.web.job_facts import job_facts
from coordination_tasks.web.trends import trends

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def move(step: str, to: State, at: float, took: float | None = None) -> Transition:
    return Transition.of_step(
        Job(id="j", attempt=1), step, own_id=f"{step}{to}", builder="build1",
        from_state=State.QUEUED, to_state=to, at=NOON + timedelta(seconds=at), reason="why",
        duration_seconds=took,
    )  # fmt: skip


def test_steps_lie_along_the_time_of_their_attempt() -> None:
    moves = [
        move("first", State.RUNNING, 0),
        move("first", State.SUCCEEDED, 25, 25),
        move("same", State.UP_TO_DATE, 25),
        move("second", State.RUNNING, 50),
        move("third", State.RUNNING, 50),
        move("second", State.FAILED, 100, 50),
    ]
    [attempt] = job_facts(Job(id="j", attempt=1, state=State.FAILED), moves).attempts
    bars = {step.name: (step.left, step.width) for step in attempt.steps}
    assert attempt.seconds == 100
    assert bars == {"first": (0, 0.25), "same": (0, 0), "second": (0.5, 0.5), "third": (0.5, 0.5)}
    states = [step.state for step in attempt.steps]
    assert states == [State.SUCCEEDED, State.UP_TO_DATE, State.FAILED, State.RUNNING]


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1e6)), min_size=1, max_size=6))
def test_no_bar_leaves_the_line_whatever_clocks_say(spans: list[tuple[float, float]]) -> None:
    moves = []
    for number, (start, took) in enumerate(spans):
        moves += [
            move(f"s{number}", State.RUNNING, start),
            move(f"s{number}", State.SUCCEEDED, start - 5, took),
        ]
    for attempt in job_facts(Job(id="j", attempt=1), moves).attempts:
        for step in attempt.steps:
            assert 0 <= step.left <= 1
            assert 0 < step.width <= 1 - step.left + 1e-9


def ended(number: int, state: State, took: float | None, branch: str = "main") -> Job:
    end = NOON + timedelta(minutes=number)
    return Job(
        id=f"j{number}", pipeline="p", branch=branch, state=state, duration_seconds=took,
        created_at=end - timedelta(minutes=3), started_at=end - timedelta(minutes=1),
        completed_at=end,
    )  # fmt: skip


def test_a_trend_is_about_the_last_builds_of_a_branch() -> None:
    jobs = [ended(n, State.SUCCEEDED, 100.0 + n) for n in range(40)]
    jobs += [ended(50, State.FAILED, 7.0), ended(51, State.CANCELLED, None)]
    other = ended(60, State.CANCELLED, None, "other")
    newest, main = trends([other, *jobs])
    assert (newest.branch, newest.rate, newest.typical) == ("other", None, None)
    assert (main.count, main.judged, main.succeeded, main.rate) == (42, 29, 28, 97)
    assert [bar.job.id for bar in main.bars[-2:]] == ["j50", "j51"]
    assert main.typical == 125.5
    assert main.waited == 120
    assert max(bar.height for bar in main.bars) == 1


@pytest.mark.parametrize(
    "job", ["../../etc/passwd", ".", "..", "a/b", "Job", "x" * 200, "<b>", "ä", "index.html", "-x"]
)
def test_a_hostile_id_names_a_harmless_file(job: str) -> None:
    name = page_name(job)
    assert name.strip("abcdefghijklmnopqrstuvwxyz0123456789-") == ""
    assert 0 < len(name) < 80
    assert page_name("job_1764492144_0042") == "job_1764492144_0042"


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
def test_two_ids_never_share_a_page(one: str, other: str) -> None:
    assert (page_name(one).lower() == page_name(other).lower()) == (one == other)
