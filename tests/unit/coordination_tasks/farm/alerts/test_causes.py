from __future__ import annotations

import json
from datetime import datetime, timedelta

from common.settings.farm import AlertsEntry
from common.states import State
from coordination_tasks.documents.codec import job_members
from coordination_tasks.domain.model import Job
from coordination_tasks.farm.alerts.causes import Findings, Observed, find_causes
from coordination_tasks.farm.presence.observations import ALIVE, SILENT, UNKNOWN, Presence
from tests.support.coordination.world import NOON


class Documents:
    """The documents of one version."""

    def __init__(self, *jobs: Job, **files: str) -> None:
        entries = [job_members(job) for job in jobs]
        self.files = {"jobs.json": json.dumps({"jobs": entries})} | {
            f"{name}.json": text for name, text in files.items()
        }

    def read(self, path: str) -> bytes | None:
        text = self.files.get(path.rpartition("/")[2])
        return text.encode() if text is not None else None

    def names(self, folder: str) -> tuple[str, ...]:
        return ()


def ended(number: int, state: State, *, seconds: float = 60, branch: str = "main") -> Job:
    at = NOON - timedelta(hours=2) + timedelta(minutes=number)
    return Job(
        id=f"job{number}",
        pipeline="app",
        branch=branch,
        state=state,
        attempt=1,
        reason="no reason",
        created_at=at,
        completed_at=at,
        duration_seconds=seconds,
    )


def running(seconds: float) -> Job:
    return Job(
        id="now",
        pipeline="app",
        branch="main",
        state=State.RUNNING,
        attempt=2,
        assigned_to="build1",
        started_at=NOON - timedelta(seconds=seconds),
    )


def found(
    documents: Documents,
    rules: AlertsEntry | None = None,
    *,
    now: datetime = NOON,
    always: tuple[str, ...] = (),
    **observed: object,
) -> Findings:
    seen = Observed(**observed)  # type: ignore[arg-type]
    return find_causes(documents, rules or AlertsEntry(), seen, always, now)


def texts(documents: Documents, rules: AlertsEntry | None = None) -> dict[str, str]:
    return {key: cause.text for key, cause in found(documents, rules).active.items()}


def test_a_branch_is_broken_from_its_last_failure_to_its_next_success() -> None:
    good, bad = ended(1, State.SUCCEEDED), ended(2, State.FAILED)
    assert texts(Documents(good, bad)) == {
        "job_failed:app:main": "app main: job job2 failed: no reason"
    }
    assert texts(Documents(good, bad, ended(3, State.SUCCEEDED))) == {}
    assert texts(Documents(good, ended(2, State.CANCELLED))) == {}
    assert list(texts(Documents(bad, ended(3, State.TIMED_OUT, branch="x")))) == [
        "job_failed:app:main",
        "job_failed:app:x",
    ]
    assert texts(Documents(bad), AlertsEntry(job_failed=False)) == {}


def test_a_job_is_slow_by_the_median_of_its_branch() -> None:
    durations = (1, 100, 100, 100, 10_000)
    good = [ended(n, State.SUCCEEDED, seconds=s) for n, s in enumerate(durations)]
    assert texts(Documents(*good, running(300))) == {}
    assert texts(Documents(*good, running(301))) == {
        "job_slow:now:2": "app main: job now runs for 5 min 01 s on builder"
        " build1, usually 1 min 40 s"
    }
    assert texts(Documents(*good[:4], running(9999))) == {}
    other = [ended(n, State.SUCCEEDED, seconds=1, branch="other") for n in range(9)]
    assert texts(Documents(*other, running(9999))) == {}
    assert texts(Documents(*good, running(301)), AlertsEntry(job_slow=None)) == {}


def test_only_the_last_ten_successes_count() -> None:
    slow = [ended(n, State.SUCCEEDED, seconds=1000) for n in range(20)]
    fast = [ended(n + 20, State.SUCCEEDED, seconds=10) for n in range(10)]
    assert list(texts(Documents(*slow, *fast, running(31)))) == ["job_slow:now:2"]


def test_a_queue_that_waits() -> None:
    waits = Job(id="w", pipeline="app", created_at=NOON - timedelta(hours=3))
    held = Job(id="h", pipeline="app", created_at=NOON - timedelta(days=3), held="by ann")
    assert texts(Documents(waits, held)) == {
        "queue_waits": "job w waits for 3 h 00 min; see `doit explain`"
    }
    assert texts(Documents(held)) == {}
    other = Job(id="o", pipeline="app", created_at=NOON)
    assert "3 h 00 min, and 1 more wait;" in texts(Documents(waits, other))["queue_waits"]


def test_a_document_that_is_broken_hides_what_it_would_say() -> None:
    broken = found(Documents(messages="{"))
    assert list(broken.active) == ["documents:coordination/messages.json"]
    assert broken.over("job_failed:app:main")
    no_queue = Documents()
    no_queue.files["jobs.json"] = "["
    unknown = found(no_queue)
    assert list(unknown.active) == ["documents:coordination/jobs.json"]
    assert not unknown.over("job_failed:app:main")
    assert not unknown.over("queue_waits")


def test_a_silent_builder_is_over_only_when_it_was_seen_alive() -> None:
    presences = {
        "build1": Presence(SILENT, 901.0),
        "build2": Presence(SILENT, 899.0),
        "build3": Presence(UNKNOWN, 10.0),
        "build4": Presence(ALIVE, 10.0),
        "build5": Presence(SILENT, 9999.0),
    }
    drains = json.dumps({"drains": {"build5": {"by": "ann"}}})
    seen = found(Documents(drains=drains), presences=presences)
    assert list(seen.active) == ["builder_silent:build1"]
    over = [name for name in presences if seen.over(f"builder_silent:{name}")]
    assert over == ["build4"]
    assert not seen.over("builder_silent:never-seen")


def test_a_commit_of_the_pipelines_that_cannot_be_used() -> None:
    bad = found(Documents(), pipelines_problem=("1234", "commit 1234 is not used: broken"))
    assert bad.active["configuration:1234"].text == "pipelines: commit 1234 is not used: broken"
    assert not bad.over("configuration:other")
    assert found(Documents(), pipelines_fine=True).over("configuration:1234")


def test_each_end_of_a_job_is_an_event_for_those_who_ask() -> None:
    documents = Documents(ended(1, State.SUCCEEDED), ended(2, State.CANCELLED), running(1))
    assert found(documents).events is None
    events = found(documents, always=("app",)).events
    assert events is not None
    assert list(events) == ["job_ended:job1:1", "job_ended:job2:1"]
