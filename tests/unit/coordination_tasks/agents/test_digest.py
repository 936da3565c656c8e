"""The digest of a failure: what it chooses, and that it never exceeds its limit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.states import State
from coordination_tasks.agents.digest.document import (
    HIGH,
    LOW,
    ChangeSince,
    Evidence,
    SourceCommit,
    make_digest,
)
from coordination_tasks.agents.digest.excerpt import chosen_lines
from coordination_tasks.agents.digest.fitting import DEFAULT_LIMIT, LEAST_LIMIT, fitted
from coordination_tasks.agents.digest.similar import (
    BY_COMMIT,
    BY_REBUILD,
    BY_RETRY,
    Failure,
    similar_failures,
)
from coordination_tasks.agents.failure import digest_json, digest_lines, size
from coordination_tasks.domain.model import Job, Transition
from tests.support.failures.kept_logs import KeptLog, kept_logs

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
LOGS = list(kept_logs())


def failed(
    reason: str, details: Mapping[str, object], *, step: str = "build", **changes: object
) -> Evidence:
    wanted = {
        "id": "job_1764492144_0042", "pipeline": "cloudstack", "branch": "main",
        "commit": "b7b57d5b1470893fdd4c8e24019a28d8a7d758ff", "state": State.FAILED, "attempt": 1,
        "assigned_to": "build1", "reason": f"step {step}: {reason}", "completed_at": NOON,
    }  # fmt: skip
    job = Job(**(wanted | changes))  # type: ignore[arg-type]
    moved = Transition.of_step(
        job, step, own_id="1", builder="build1", from_state=State.RUNNING, to_state=State.FAILED,
        at=NOON, reason=reason, details=details,
    )  # fmt: skip
    return Evidence(job=job, transitions=(moved,))


def of_log(log: KeptLog, scratch: Path) -> Evidence:
    failure = log.failure(scratch)
    details = {
        "code": failure.code.value,
        "excerpt": failure.excerpt,
        "retryable": failure.retryable,
        **failure.details,
    }
    return failed(failure.message, details)


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name)
def test_a_real_failure_is_named_within_the_limit(log: KeptLog, tmp_path: Path) -> None:
    digest = fitted(of_log(log, tmp_path), DEFAULT_LIMIT, size)
    assert size(digest) <= DEFAULT_LIMIT
    assert digest.code == log.one("code")
    assert digest.retry.can_help is (log.one("retry") == "yes")
    assert len(digest.data.excerpt) <= 12
    text = "\n".join([digest.data.message, *digest.data.excerpt])
    for words in (*log.all("says"), *log.all("excerpt")):
        assert words in text
    for place in log.all("place"):
        assert place in digest.data.places
    assert digest.next is not None
    assert digest.next.command
    assert len("\n".join(digest_lines(digest)).encode()) <= DEFAULT_LIMIT


def test_there_are_enough_real_failures() -> None:
    assert len(LOGS) >= 60


ANY = st.text(max_size=200)


@given(
    ANY, ANY, ANY, st.lists(ANY, max_size=30), st.lists(ANY, max_size=20),
    st.dictionaries(ANY, ANY, max_size=3), st.sampled_from([LEAST_LIMIT, DEFAULT_LIMIT]),
)  # fmt: skip
def test_no_text_exceeds_the_limit(
    name: str,
    branch: str,
    reason: str,
    lines: list[str],
    tests: list[str],
    params: dict[str, str],
    limit: int,
) -> None:
    details = {
        "code": name, "module": reason, "excerpt": "\n".join(lines), "retryable": False,
        "tests": [{"name": test, "message": test} for test in tests],
        "places": [{"file": test, "line": 3} for test in tests],
    }  # fmt: skip
    evidence = failed(
        reason, details, step=name, id=name or "j", branch=branch, pipeline=branch, params=params,
        commit=branch, assigned_to=name,
    )  # fmt: skip
    change = ChangeSince(job=name, commit=branch, completed_at=NOON, commits=3, touching=1)
    commits = [SourceCommit(commit=branch, touches=True, subject=each) for each in lines]
    whole = Evidence(
        job=evidence.job, transitions=evidence.transitions, change=change, commits=commits
    )
    digest = fitted(whole, limit, size)
    assert size(digest) <= limit
    json.loads(digest_json(digest))
    assert bool(digest.shortened) == (make_digest(whole) != digest)


def test_the_lines_of_the_cause_are_chosen() -> None:
    cause = "[ERROR] /src/A.java:[7,3] cannot find symbol"
    noise = [f"[INFO] downloading {number}" for number in range(40)]
    lines = [*noise[:20], cause, "  symbol: class Missing", *noise[20:], "[ERROR] [Help 1] http:x"]
    chosen = chosen_lines("\n".join(lines), ["A.java"], 3)
    assert chosen[chosen.index(cause) + 1] == "  symbol: class Missing"
    assert "[ERROR] [Help 1] http:x" not in chosen


def test_a_cause_without_a_known_line_is_uncertain() -> None:
    unknown = failed("the script ended with exit code 3", {"code": "COMMAND_FAILED"})
    assert make_digest(unknown).confidence.level == LOW
    named = {"code": "MAVEN_COMPILE", "places": [{"file": "A.java", "line": 7, "message": "x"}]}
    assert make_digest(failed("module x: A.java:7: x", named)).confidence.level == HIGH


def test_the_next_step_is_a_tool_call() -> None:
    compile_error = make_digest(failed("x", {"code": "MAVEN_COMPILE"}, params={"v": "1"})).next
    assert compile_error
    assert (compile_error.tool, compile_error.arguments) == (
        "enqueue",
        {"pipeline": "cloudstack", "branch": "main", "params": {"v": "1"}},
    )
    network = make_digest(failed("x", {"code": "NETWORK"})).next
    assert network
    assert (network.tool, network.arguments) == ("retry", {"jobs": ["job_1764492144_0042"]})
    at_the_machine = make_digest(failed("x", {"code": "TOOL_MISSING"})).next
    assert at_the_machine
    assert at_the_machine.tool is None


def test_other_programs_may_have_written_anything() -> None:
    odd = {"code": 7, "places": "none", "tests": [None, {"name": 3}], "retryable": "yes"}
    digest = make_digest(failed("x", odd))
    assert (digest.code, digest.data.tests, digest.retry.can_help) == ("7", ("3",), None)


def one(name: str, at: int, reason: str, **changes: Any) -> Failure:
    evidence = failed(reason, {}, id=name, **changes)
    moment = NOON + timedelta(hours=at)
    return Failure(job=evidence.job, attempt=1, at=moment, code="X", reason=reason)


def good(name: str, at: int, commit: str) -> Job:
    made = failed("", {}, id=name, state=State.SUCCEEDED, commit=commit)
    return Job(
        id=name, pipeline="cloudstack", branch="main", commit=commit, state=State.SUCCEEDED,
        completed_at=NOON + timedelta(hours=at), attempt=made.job.attempt,
    )  # fmt: skip


def test_failures_that_differ_in_numbers_alone_are_alike() -> None:
    others = [one("a", 1, "step x: port 8080 refused"), one("b", 2, "step x: port 9090 refused")]
    other = one("c", 2, "step x: host unknown")
    found = similar_failures(one("d", 5, "step x: port 1 refused"), [*others, other], ())
    assert found
    assert (found.count, found.last_job, found.fixed) == (2, "b", None)
    assert found.since == NOON + timedelta(hours=1)
    assert similar_failures(one("d", 0, "step x: port 1 refused"), others, ()) is None


@pytest.mark.parametrize(
    ("commit", "by"), [("cafe" * 10, BY_COMMIT), ("dead" * 10, BY_REBUILD)], ids=str
)
def test_what_fixed_it_is_the_next_success_of_the_branch(commit: str, by: str) -> None:
    broken = one("a", 1, "x", commit="dead" * 10)
    jobs = [good("early", 0, "aa" * 20), good("late", 9, "bb" * 20), good("next", 2, commit)]
    found = similar_failures(one("d", 10, "x"), [broken], jobs)
    assert found
    assert found.fixed
    assert (found.fixed.job, found.fixed.by) == ("next", by)


def test_a_job_that_succeeded_later_was_fixed_by_a_retry() -> None:
    broken = one("a", 1, "x", state=State.SUCCEEDED, attempt=2)
    found = similar_failures(one("d", 10, "x"), [broken], ())
    assert found
    assert found.fixed
    assert found.fixed.by == BY_RETRY
