"""The documents' words and the model: round trips, tolerance, and exact writing."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.states import State
from coordination_tasks.documents.codec import (
    Unreadable,
    changed_members,
    is_same_request,
    job_from,
    job_members,
    transition_from,
    transition_line,
)
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.domain.timestamps import format_time, parse_time

texts = st.text(st.characters(codec="utf-8"), max_size=20)
ids = texts.filter(bool)
moments = st.datetimes(
    min_value=datetime(1970, 1, 1), max_value=datetime(2999, 1, 1), timezones=st.just(UTC)
).map(lambda moment: moment.replace(microsecond=0))
job_states = st.sampled_from(
    [
        State.QUEUED,
        State.RUNNING,
        State.SUCCEEDED,
        State.FAILED,
        State.CANCELLED,
        State.TIMED_OUT,
    ]
)
counts = st.integers(min_value=0, max_value=10_000)
seconds = st.none() | st.floats(min_value=0, max_value=1e9)
jobs = st.builds(
    Job,
    id=ids,
    pipeline=st.none() | texts,
    type=ids,
    priority=counts,
    branch=st.none() | texts,
    commit=st.none() | texts,
    params=st.dictionaries(texts, texts, max_size=3),
    labels=st.lists(texts, max_size=3).map(tuple),
    dependencies=st.lists(texts, max_size=3).map(tuple),
    description=texts,
    state=job_states,
    assigned_to=st.none() | texts,
    attempt=counts,
    token=counts,
    claim_id=st.none() | texts,
    max_attempts=counts,
    reason=texts,
    created_at=st.none() | moments,
    started_at=st.none() | moments,
    completed_at=st.none() | moments,
    duration_seconds=seconds,
)
transitions = st.builds(
    Transition,
    id=ids,
    job=ids,
    attempt=counts,
    token=counts,
    builder=texts,
    step=st.none() | texts,
    from_state=st.sampled_from(State),
    to_state=st.sampled_from(State),
    at=moments,
    reason=texts,
    duration_seconds=seconds,
    log=st.none() | texts,
    details=st.dictionaries(texts, texts | st.integers() | st.lists(texts), max_size=3),
)


@given(job=jobs)
def test_a_new_job_reads_as_it_was_written(job: Job) -> None:
    assert job_from(json.loads(json.dumps(job_members(job)))) == job


@given(before=jobs, after=jobs, extra=st.booleans())
def test_a_changed_job_reads_as_it_was_written(before: Job, after: Job, extra: bool) -> None:
    raw = {**job_members(before), **({"x-odd": [1]} if extra else {})}

    changed = {**raw, **changed_members(raw, before, after)}

    assert job_from(changed) == after
    assert list(changed)[: len(raw)] == list(raw)
    assert changed.get("x-odd") == raw.get("x-odd")


@given(job=jobs)
def test_nothing_is_written_where_nothing_changed(job: Job) -> None:
    assert changed_members(job_members(job), job, job) == {}


@given(transition=transitions)
def test_a_transition_reads_as_it_was_written(transition: Transition) -> None:
    line = transition_line(transition)

    assert "\n" not in line
    assert transition_from(json.loads(line)) == transition


def test_output_that_was_no_utf8_can_be_recorded() -> None:
    odd = Transition(
        id="1",
        job="j",
        attempt=1,
        token=1,
        builder="b",
        step="s",
        from_state=State.RUNNING,
        to_state=State.FAILED,
        at=datetime(2025, 1, 1, tzinfo=UTC),
        reason=b"\xff".decode("utf-8", "surrogateescape"),
    )

    assert transition_from(json.loads(transition_line(odd).encode())) == odd


def test_a_job_of_an_old_program_is_read() -> None:
    job = job_from(
        {
            "id": "pkg 7",
            "type": "test_automated_suite",
            "priority": "3",
            "status": "queued",
            "created_at": "2025-11-04 20:45",
            "dependencies": None,
            "labels": None,
        }
    )

    assert job == Job(
        id="pkg 7",
        type="test_automated_suite",
        priority=3,
        created_at=datetime(2025, 11, 4, 20, 45, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("status", "state", "expected"),
    [
        ("queued", None, State.QUEUED),
        ("running", None, State.RUNNING),
        ("completed", None, State.SUCCEEDED),
        ("failed", None, State.FAILED),
        ("failed", "cancelled", State.CANCELLED),
        ("failed", "timed_out", State.TIMED_OUT),
        ("failed", "succeeded", State.FAILED),
        ("queued", "cancelled", State.QUEUED),
        ("completed", "timed_out", State.SUCCEEDED),
        ("failed", ["odd"], State.FAILED),
    ],
)
def test_status_decides_and_state_refines_it(status: str, state: object, expected: State) -> None:
    assert job_from({"id": "j", "status": status, "state": state}).state is expected


def test_cancelled_is_written_for_old_readers_as_failed() -> None:
    members = job_members(Job(id="j", state=State.CANCELLED))

    assert (members["status"], members["state"]) == ("failed", "cancelled")
    assert "state" not in job_members(Job(id="j", state=State.FAILED))


def test_the_state_key_is_kept_true_once_it_exists() -> None:
    raw = {"id": "j", "status": "failed", "state": "cancelled"}
    before = job_from(raw)

    changes = changed_members(raw, before, replace(before, state=State.RUNNING))

    assert changes == {"status": "running", "state": "running"}


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("text", "is not an object"),
        ({"status": "queued"}, "no id"),
        ({"id": 7, "status": "queued"}, "no id"),
        ({"id": "j"}, "unknown status"),
        ({"id": "j", "status": "weird"}, "unknown status 'weird'"),
        ({"id": "j", "status": ["queued"]}, "unknown status"),
        ({"id": "j", "status": "queued", "dependencies": "a"}, "dependencies"),
        ({"id": "j", "status": "queued", "labels": [1]}, "labels"),
        ({"id": "j", "status": "queued", "params": []}, "params"),
    ],
)
def test_an_entry_that_makes_no_sense_is_told(raw: object, told: str) -> None:
    with pytest.raises(Unreadable, match=told):
        job_from(raw)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("priority", "high"),
        ("priority", True),
        ("priority", float("inf")),
        pytest.param("priority", 10**400, id="priority-too_large"),
        pytest.param("token", "9" * 5000, id="token-too_long"),
        pytest.param("duration_seconds", -(10**400), id="duration-too_small"),
        ("attempt", None),
        ("created_at", "yesterday"),
        ("created_at", {"odd": 1}),
        ("duration_seconds", "long"),
    ],
)
def test_an_odd_value_counts_as_absent(field: str, value: object) -> None:
    default = next(f.default for f in fields(Job) if f.name == field)

    assert getattr(job_from({"id": "j", "status": "queued", field: value}), field) == default


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-10-29T12:00:00Z", "2025-10-29T12:00:00Z"),
        ("2025-10-29T12:00:00.123456Z", "2025-10-29T12:00:00Z"),
        ("2025-10-29T14:00:00+02:00", "2025-10-29T12:00:00Z"),
        (" 2025-10-29 12:00 ", "2025-10-29T12:00:00Z"),
        ("2025-10-29", "2025-10-29T00:00:00Z"),
        (1761739200, "2025-10-29T12:00:00Z"),
        (1761739200000, "2025-10-29T12:00:00Z"),
    ],
)
def test_forms_of_time(text: object, expected: str) -> None:
    moment = parse_time(text)

    assert moment is not None
    assert format_time(moment) == expected


@pytest.mark.parametrize("value", [None, "", "soon", True, 1e300, "9999-12-31T23:59:59-14:00", []])
def test_what_is_no_time(value: object) -> None:
    assert parse_time(value) is None


def test_a_request_is_known_again_after_its_claim() -> None:
    asked = Job(id="j", branch="main")
    claimed = replace(asked, pipeline="sample", commit="a" * 40, state=State.RUNNING, token=1)

    assert is_same_request(asked, claimed)
    assert not is_same_request(replace(asked, branch="other"), claimed)
    assert not is_same_request(replace(asked, commit="b" * 40), claimed)
