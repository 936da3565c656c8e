"""The page of `doit status` for farms of each size, at 80 columns."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.cli.text_table import table_lines
from common.states import State
from coordination_tasks.commands.views.farm_page import (
    MOST_BUILDERS,
    MOST_ENDED,
    MOST_WAITING,
    Section,
    ShownBuilder,
    builders_section,
    ended_section,
    waiting_section,
)
from coordination_tasks.documents.builder_status import BuilderStatus
from coordination_tasks.documents.drains import Drain
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.scheduling import queue_order
from coordination_tasks.farm.presence.observations import ALIVE, SILENT, UNKNOWN, Presence

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
JOB = Job(id="job_1795594999_0001", pipeline="cloudstack", branch="main", created_at=NOW - HOUR)


def builder(name: str, status: str = "idle", **other: Any) -> ShownBuilder:
    alive: dict[str, Any] = {"presence": Presence(ALIVE, 3.0), "late": False, "drain": None}
    settings = alive | other
    job = settings.pop("job", None)
    return ShownBuilder(
        status=BuilderStatus(builder=name, status=status, current_job=job), **settings
    )


def running(name: str, on: str) -> Job:
    return replace(JOB, id=name, state=State.RUNNING, assigned_to=on, started_at=NOW - HOUR)


def ended(number: int, state: State = State.SUCCEEDED) -> Job:
    return replace(
        JOB, id=f"job_1795594999_{number:04}", state=state, assigned_to="build1",
        reason="step build: exit code 2", completed_at=NOW - timedelta(seconds=number),
        duration_seconds=65.0,
    )  # fmt: skip


def text(section: Section, width: int = 80) -> list[str]:
    return table_lines(
        section.titles, section.rows, width, droppable=section.droppable, last_needs=30
    )


def test_builders_with_their_jobs_and_how_far_these_are() -> None:
    job = {"id": "j", "steps": ["maven", "lint"], "progress": {"maven": "module 3 of 139"}}
    shown = builders_section(
        [builder("build1"), builder("build2", "building", job=job)],
        [running("j", "build2"), running("k", "gone")], NOW, MOST_BUILDERS,
    )  # fmt: skip
    assert text(shown) == [
        "BUILDER  STATE      JOB  RUNNING FOR  STEP",
        "gone     no status  k    1 h 00 min",
        "build2   building   j    1 h 00 min   maven: module 3 of 139, lint",
        "build1   idle       -",
    ]
    assert shown.styles == ["red", "cyan", ""]


def test_a_heartbeat_and_a_job_of_others_may_say_anything() -> None:
    job = {"id": "j", "steps": [["maven"], None], "progress": {"maven": 3}}
    names = ["build10", "build2", "build" + "9" * 5000]
    shown = builders_section(
        [builder("build2", "building", job=job)], [running("j", name) for name in names], NOW, 0
    )
    assert [row[0] for row in shown.rows] == [names[0], names[2], names[1]]
    assert shown.rows[2][-1] == "['maven'], None"


def test_what_needs_a_person_is_first_and_builders_count() -> None:
    names = ["build10", "build2", "build1"]
    silent = builder("build9", presence=Presence(SILENT, 720.0))
    shown = builders_section(
        [silent, *map(builder, names)], [running("j", "build10")], NOW, MOST_BUILDERS
    )
    assert [row[0] for row in shown.rows] == ["build9", "build10", "build1", "build2"]


@pytest.mark.parametrize(
    ("builder", "state", "style"),
    [
        (builder("b", "failed"), "idle", ""),
        (builder("b", "success"), "idle", ""),
        (builder("b", "building"), "idle", ""),
        (builder("b", "maintenance"), "maintenance", ""),
        (builder("b", presence=Presence(SILENT, 720.0)), "idle, silent 12 min 00 s", "red"),
        (
            builder("b", presence=Presence(ALIVE, 95.0), late=True),
            "idle, late 1 min 35 s",
            "yellow",
        ),
        (builder("b", presence=Presence(UNKNOWN, 2.0)), "idle, unknown", ""),
        (builder("b", presence=None), "idle", ""),
        (builder("b", drain=Drain(builder="b", by="Ann", at=None)), "idle, drained", "yellow"),
    ],
)
def test_what_a_builder_is_called(builder: ShownBuilder, state: str, style: str) -> None:
    shown = builders_section([builder], [], NOW, MOST_BUILDERS)
    assert (shown.rows[0][1], shown.styles[0]) == (state, style)


def test_waiting_jobs_stand_in_the_order_in_which_they_are_claimed() -> None:
    jobs = [
        JOB,
        replace(JOB, id="urgent", priority=1, created_at=NOW),
        replace(JOB, id="older", created_at=NOW - 2 * HOUR),
    ]
    shown = waiting_section(queue_order(jobs, NOW), NOW, lambda job: f"why {job.id}", MOST_WAITING)
    assert text(shown, 200) == [
        "JOB                  PRIORITY  WAITING FOR  PIPELINE    BRANCH  WHY",
        "urgent               1         0.0 s        cloudstack  main    why urgent",
        "older                5         2 h 00 min   cloudstack  main    why older",
        "job_1795594999_0001  5         1 h 00 min   cloudstack  main    why job_1795594999_0001",
    ]


def test_the_last_that_ended_are_first_and_only_failures_say_why() -> None:
    shown = ended_section([ended(3), ended(1, State.FAILED), ended(2)], NOW, MOST_ENDED)
    assert [row[0][-1] for row in shown.rows] == ["1", "2", "3"]
    assert [row[-1] for row in shown.rows] == ["step build: exit code 2", "", ""]
    assert shown.styles == ["red", "green", "green"]
    assert text(shown)[0].split() == ["JOB", "STATE", "ENDED", "DURATION", "REASON"]
    assert text(shown)[1].endswith("  1 min 05 s  step build: exit code 2")


@pytest.mark.parametrize("number", [0, 4, 60, 5000])
def test_the_page_is_readable_with_any_number_of_jobs(number: int) -> None:
    names = [f"build{n}" for n in range(number // 25)]
    lines = [
        text(builders_section(
            list(map(builder, names)), [running(f"r{n}", n) for n in names], NOW, MOST_BUILDERS
        )),
        text(waiting_section(
            [replace(JOB, id=f"job_{n}") for n in range(number)], NOW, lambda job: "w" * 90,
            MOST_WAITING,
        )),
        text(ended_section([ended(n, State.FAILED) for n in range(number)], NOW, MOST_ENDED)),
    ]  # fmt: skip
    assert [len(section) - 1 for section in lines] == [
        min(number // 25, MOST_BUILDERS), min(number, MOST_WAITING), min(number, MOST_ENDED),
    ]  # fmt: skip
    assert all(len(line) <= 80 for section in lines for line in section)
    if number:
        whole = waiting_section([JOB] * number, NOW, lambda job: "", MOST_WAITING)
        assert whole.hidden == max(0, number - MOST_WAITING)
