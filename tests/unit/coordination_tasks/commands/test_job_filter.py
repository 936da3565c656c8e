"""Which jobs the options of `doit status` and `doit jobs` select."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.states import State
from coordination_tasks.commands.views.job_filter import checked_limit, job_filter, newest
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.domain.model import Job

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
OLD = Job(id="old", pipeline="hello", branch="main", created_at=NOW - timedelta(days=2))
ENDED = replace(
    OLD, id="ended", state=State.FAILED, assigned_to="build1", completed_at=NOW - timedelta(hours=1)
)
NEW = replace(OLD, id="new", branch="feature/x", pipeline="cloudstack", created_at=NOW)
JOBS = (OLD, ENDED, NEW)


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ({}, "old ended new"),
        ({"state": ["failed"]}, "ended"),
        ({"state": ["failed", "queued"], "branch": ["main"]}, "old ended"),
        ({"branch": ["feature/*"]}, "new"),
        ({"pipeline": ["hello"]}, "old ended"),
        ({"builder": ["build?"]}, "ended"),
        ({"since": "2h"}, "ended new"),
        ({"since": "2026-11-30"}, "ended new"),
        ({"since": "3d"}, "old ended new"),
    ],
)
def test_each_option_selects(options: dict[str, Any], chosen: str) -> None:
    found = job_filter(NOW, **options)
    assert [job.id for job in JOBS if found.takes(job)] == chosen.split()


def test_builders_are_shown_for_themselves_unless_jobs_are_selected() -> None:
    assert job_filter(NOW).takes_builder("build1")
    assert job_filter(NOW, builder=["build1"]).takes_builder("build1")
    assert not job_filter(NOW, builder=["build2"]).takes_builder("build1")
    assert not job_filter(NOW, state=["failed"]).takes_builder("build1")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"state": ["faild"]}, "unknown state 'faild' of a job; did you mean 'failed'?"),
        ({"state": ["up_to_date"]}, "unknown state 'up_to_date'"),
        ({"since": "yesterday"}, "--since expects a duration such as 2h or 3d, or a time"),
    ],
)
def test_a_bad_value_is_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest, match=words.replace("?", "[?]")):
        job_filter(NOW, **options)


def test_a_limit_keeps_what_changed_last_in_the_files_order() -> None:
    assert [job.id for job in newest(JOBS, 2)] == ["ended", "new"]
    assert newest(JOBS, 0) == list(JOBS)
    with pytest.raises(BadRequest, match="0 \\(all\\) or more"):
        checked_limit(-1)
