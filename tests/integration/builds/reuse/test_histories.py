"""After any history a builder makes what a builder makes that has never built anything.

    pytest tests/integration/builds/reuse/test_histories.py                    four seeds
    HISTORY_SEEDS=100-199 pytest ... --all                               a range of seeds

A difference prints its seed and the smallest part of the history that still differs.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.pipelines.histories import Event, Plan, make_history, make_plan
from tests.support.pipelines.history_player import Player

SLOW_SEEDS = os.environ.get("HISTORY_SEEDS", "0-199")


def difference(folder: Path, plan: Plan, events: tuple[Event, ...]) -> str:
    player = Player(folder, plan)
    for number, event in enumerate(events):
        found = player.play(event)
        if found:
            return f"after event {number}, {event.what}: {found}"
    return ""


def smallest(folder: Path, plan: Plan, events: tuple[Event, ...]) -> tuple[Event, ...]:
    """The history without each event that the difference does not need."""
    for number in reversed(range(len(events) - 1)):
        fewer = (*events[:number], *events[number + 1 :])
        if difference(folder / f"without-{number}-{len(events)}", plan, fewer):
            events = fewer
    return events


def check(folder: Path, seed: int) -> None:
    plan = make_plan(seed)
    events = make_history(seed, plan)
    found = difference(folder / "whole", plan, events)
    if found:
        events = smallest(folder, plan, events)
        steps = "\n".join(f"  {script}" for script in plan.scripts)
        history = "\n".join(f"  {event}" for event in events)
        pytest.fail(f"seed {seed}: {found}\n{steps}\n{history}")


@pytest.mark.parametrize("seed", range(4))
def test_a_few_histories(tmp_path: Path, seed: int) -> None:
    check(tmp_path, seed)


@pytest.mark.slow
def test_many_histories(tmp_path: Path) -> None:
    first, _, last = SLOW_SEEDS.partition("-")
    for seed in range(int(first), int(last or first) + 1):
        check(tmp_path / str(seed), seed)
        print(f"seed {seed}: no difference")  # noqa: T201 - which range may be continued
