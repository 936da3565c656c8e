"""What the values of a step tell of its Maven modules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from common.states import State
from coordination_tasks.commands.jobs.explanation import explain_steps
from coordination_tasks.domain.model import Job, Transition

BUILT = {"name": "A", "result": "SUCCESS", "seconds": 1.0}
KEPT = {"name": "B", "reason": "built by an earlier try of this job", "job": "j", "key": "k"}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, []),
        ({"modules": [BUILT]}, []),
        (
            {"modules": [BUILT | {"why": "a/pom.xml changed"}], "left_out": [KEPT]},
            ["built A: a/pom.xml changed", "skipped B: built by an earlier try of this job"],
        ),
    ],
)
def test_which_modules_were_built_and_why(values: dict[str, Any], told: list[str]) -> None:
    moved = Transition(
        id="1",
        job="j",
        attempt=1,
        token=1,
        builder="b",
        step="build-deb",
        from_state=State.RUNNING,
        to_state=State.SUCCEEDED,
        at=datetime(2026, 1, 1, tzinfo=UTC),
        reason="built",
        details={"values": values},
    )
    [step] = explain_steps(Job(id="j"), [moved], ())
    assert list(step.modules) == told
