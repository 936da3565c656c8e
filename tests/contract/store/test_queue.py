"""The queue of the store: enqueue, claim, cancel, reap; in memory and on Git."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from common.states import State
from coordination_tasks.domain.errors import (
    BadRequest,
    BrokenDocument,
    ClaimLost,
    Conflict,
    NotFound,
    NothingToClaim,
)
from coordination_tasks.domain.model import Job
from coordination_tasks.store.attempt_commands import Completion
from tests.support.coordination.world import (
    NOON,
    PIPELINES,
    World,
    claim,
    control,
    job,
    transition,
)

JOBS = "coordination/jobs.json"


def test_a_job_is_enqueued_once(world: World) -> None:
    store = world.store()

    stored = store.enqueue(job(labels=("jdk=17",), params={"k": "v"}))

    assert stored == replace(job(labels=("jdk=17",), params={"k": "v"}), created_at=NOON)
    assert store.enqueue(job(labels=("jdk=17",), params={"k": "v"})) == stored
    assert store.jobs() == (stored,)


def test_an_id_names_one_request(world: World) -> None:
    store = world.store()
    store.enqueue(job())

    with pytest.raises(Conflict, match="job id job_1 is already taken"):
        store.enqueue(job(priority=1))


@pytest.mark.parametrize(
    "bad",
    [
        job(job_id=""),
        job(job_id="x" * 201),
        job(job_id="a\nb"),
        job(priority=0),
        job(priority=11),
        job(state=State.RUNNING),
        job(commit="--upload-pack=evil"),
        job(max_attempts=0),
        job(dependencies=("job_1",)),
        job(description="x" * 10_001),
        job(params={"a": "\ud800"}),
    ],
)
def test_what_can_not_be_a_job(world: World, bad: Job) -> None:
    with pytest.raises(BadRequest):
        world.store().enqueue(bad)


def test_a_claim_shows_in_all_documents_at_once(world: World) -> None:
    store = world.store()
    store.enqueue(job())

    attempt = store.claim(claim_id="c1", pipelines=PIPELINES, resolve=lambda _: "a" * 40)

    assert attempt.job == store.job("job_1")
    assert (attempt.builder, attempt.number, attempt.token) == ("build1", 1, 1)
    assert attempt.job.commit == "a" * 40
    assert attempt.job.state is State.RUNNING
    assert attempt.job.assigned_to == "build1"
    assert attempt.job.started_at == NOON
    [transition] = store.transitions("job_1")
    assert (transition.from_state, transition.to_state) == (State.QUEUED, State.RUNNING)
    assert json.loads(world.text("build1/status.json")) == {
        "server": "build1",
        "ip": "10.0.0.1",
        "manager": "Ann",
        "timestamp": "2025-10-29T12:00:00Z",
        "status": "building",
        "current_job": {
            "id": "job_1",
            "branch": "main",
            "commit": "a" * 40,
            "started_at": "2025-10-29T12:00:00Z",
        },
        "last_build": None,
        "system": {},
    }
    assert json.loads(world.text("build1/heartbeat.json"))["timestamp"] == "2025-10-29T12:00:00Z"


def test_the_order_of_the_queue(world: World) -> None:
    store = world.store()
    store.enqueue(job("late"))
    store.enqueue(job("early", created_at=NOON - timedelta(days=1)))
    store.enqueue(job("urgent", priority=1))
    store.enqueue(job("after", priority=1, dependencies=("early",)))

    taken = [claim(store).job.id for _ in range(3)]

    assert taken == ["urgent", "early", "late"]
    with pytest.raises(NothingToClaim) as told:
        claim(store)
    assert told.value.refusals == (("after", "its dependency early is running"),)


def test_a_job_waits_for_what_it_depends_on(world: World) -> None:
    store = world.store()
    store.enqueue(job("second", priority=1, dependencies=("first",)))
    store.enqueue(job("first"))
    first = claim(store)
    store.complete(first, Completion(state=State.SUCCEEDED))

    assert (first.job.id, claim(store).job.id) == ("first", "second")


def test_labels_decide_who_may_take_a_job(world: World) -> None:
    old, new = world.store("build1", jdk="11"), world.store("build2", jdk="11, 17")
    old.enqueue(job(labels=("jdk=17",)))

    with pytest.raises(
        NothingToClaim, match="1 job is queued, but it does not match this builder"
    ) as told:
        claim(old)
    assert told.value.refusals == (("job_1", "missing label jdk=17"),)
    assert claim(new).builder == "build2"


def test_a_job_of_an_old_program_takes_the_default_pipeline(world: World) -> None:
    store = world.store()
    world.write(JOBS, '{"jobs": [{"id": "old", "status": "queued", "branch": "4.20"}]}')

    with pytest.raises(NothingToClaim, match="it names no pipeline"):
        claim(store)
    attempt = store.claim(claim_id="c", pipelines=PIPELINES, default_pipeline="sample")

    assert attempt.job.pipeline == "sample"
    assert store.job("old").pipeline == "sample"


def test_nothing_to_claim(world: World) -> None:
    with pytest.raises(NothingToClaim, match="no job is queued"):
        claim(world.store())


def test_a_repeated_claim_is_the_same_claim(world: World) -> None:
    store = world.store()
    store.enqueue(job("job_1"))
    store.enqueue(job("job_2"))

    first = store.claim(claim_id="c1", pipelines=PIPELINES)
    again = world.store().claim(claim_id="c1", pipelines=PIPELINES)

    assert again == first
    assert store.job("job_2").state is State.QUEUED


def test_a_claim_that_has_ended_is_not_made_again(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    attempt = store.claim(claim_id="c1", pipelines=PIPELINES)
    store.complete(attempt, Completion(state=State.FAILED, reason="tests"))

    with pytest.raises(ClaimLost, match="is failed now: tests"):
        store.claim(claim_id="c1", pipelines=PIPELINES)


def test_two_builders_never_hold_the_same_job(world: World) -> None:
    one, other = world.store("build1"), world.store("build2")
    one.enqueue(job("job_1"))
    one.enqueue(job("job_2"))
    other.jobs()

    assert {claim(one).job.id, claim(other).job.id} == {"job_1", "job_2"}


def test_the_commit_of_a_branch_is_resolved_once(world: World) -> None:
    one, other = world.store("build1"), world.store("build2")
    one.enqueue(job("job_1"))
    one.enqueue(job("job_2"))
    other.jobs()
    asked: list[str] = []

    def resolve(wanted: Job) -> str:
        asked.append(wanted.id)
        if len(asked) == 1:
            claim(one)  # wins the race for job_1
        return "b" * 40

    attempt = other.claim(claim_id="c", pipelines=PIPELINES, resolve=resolve)

    assert attempt.job.id == "job_2"
    assert asked == ["job_1"]


def test_a_finished_job_is_built_again_when_it_is_named(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    store.complete(claim(store), Completion(state=State.SUCCEEDED, duration_seconds=5.0))

    with pytest.raises(NothingToClaim):
        claim(store)
    again = claim(store, "job_1")

    assert (again.number, again.token) == (2, 2)
    stored = store.job("job_1")
    assert (stored.completed_at, stored.duration_seconds) == (None, None)
    assert store.snapshot().attempts("job_1") == (1, 2)


def test_a_running_job_is_not_taken_though_it_is_named(world: World) -> None:
    world.store("build2").enqueue(job())
    claim(world.store("build2"))

    with pytest.raises(Conflict, match="job job_1 is running on build2, attempt 1"):
        claim(world.store("build1"), "job_1")


def test_an_unknown_job_is_named(world: World) -> None:
    with pytest.raises(NotFound, match="unknown job 'none'"):
        claim(world.store(), "none")
    with pytest.raises(NotFound):
        control(world.store()).cancel(["none"])


def test_a_waiting_job_is_cancelled(world: World) -> None:
    store = world.store()
    store.enqueue(job())

    [cancelled] = control(store).cancel(["job_1"], "not needed")

    assert store.job("job_1") == cancelled == control(store).cancel(["job_1"], "again")[0]
    assert (cancelled.state, cancelled.reason) == (
        State.CANCELLED,
        "cancelled by ann: not needed",
    )
    stored = json.loads(world.text(JOBS))["jobs"][0]
    assert (stored["status"], stored["state"]) == ("failed", "cancelled")
    [transition] = store.transitions("job_1")
    assert transition.reason == "cancelled by ann: not needed"
    assert transition.details == {"by": "ann"}


def test_who_runs_a_cancelled_job_has_lost_it(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    attempt = claim(store)

    control(world.store("build2")).cancel(["job_1"], "wrong branch")

    with pytest.raises(ClaimLost, match=r"the job is cancelled \(cancelled by ann: wrong branch\)"):
        store.complete(attempt, Completion(state=State.SUCCEEDED))


def test_steps_that_run_end_with_the_job_that_is_taken_away(world: World) -> None:
    store = world.store()
    for name, take in (("job_1", "cancel"), ("job_2", "reap")):
        store.enqueue(job(name))
        attempt = claim(store)
        store.record(attempt, [transition(attempt, "maven", State.QUEUED, State.RUNNING)])
        if take == "cancel":
            control(store).cancel([name], "why")
        else:
            store.reap(name, seen_token=attempt.token, reason="why")
        moves = [(t.step, t.to_state, t.reason) for t in store.transitions(name)]
        reason = "cancelled by ann: why" if take == "cancel" else "why"
        assert moves[-2] == ("maven", State.CANCELLED, reason)
        if take == "reap":
            control(store).cancel([name], "no more")
            assert sum(t.step is not None for t in store.transitions(name)) == 2


def test_what_has_ended_is_not_cancelled(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    store.complete(claim(store), Completion(state=State.SUCCEEDED))

    with pytest.raises(Conflict, match="has already ended: succeeded"):
        control(store).cancel(["job_1"], "too late")


def test_the_job_of_a_dead_builder_goes_to_another(world: World) -> None:
    dead, other = world.store("build1"), world.store("build2")
    dead.enqueue(job())
    lost = claim(dead)

    back = other.reap("job_1", seen_token=lost.token, reason="no sign of life")
    taken = claim(other)

    assert back
    assert (back.state, back.assigned_to, back.attempt) == (State.QUEUED, None, 1)
    assert (taken.number, taken.token) == (2, 3)
    with pytest.raises(ClaimLost, match="is running on build2"):
        dead.complete(lost, Completion(state=State.SUCCEEDED))


def test_a_job_that_moved_since_is_not_reaped(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    attempt = claim(store)

    assert store.reap("job_1", seen_token=attempt.token - 1, reason="old news") is None
    assert store.job("job_1").state is State.RUNNING


def test_the_last_attempt_of_a_job(world: World) -> None:
    store = world.store()
    store.enqueue(job(max_attempts=2))
    for _ in range(2):
        attempt = claim(store)
        reaped = store.reap("job_1", seen_token=attempt.token, reason="no sign of life")

    assert reaped and reaped.state is State.FAILED
    assert reaped.reason == "no sign of life; attempt 2 of 2 was the last"
    with pytest.raises(NothingToClaim):
        claim(store)


def test_only_the_claimed_job_differs(world: World) -> None:
    """Odd orders, numbers, escapes and indents of others are theirs."""
    store = world.store()
    untouched = """{
  "metadata": {"version": 1.0, "note": "k\\u00f6ln \\/"},
  "jobs": [
    { "priority":1,"id" : "done", "status":"completed", "x": 1e3 , "status_note": null},
    {
      "zz_first": [1,  2],
      "status": "queued",
      "id": "job_1",
      "pipeline": "sample",
      "assigned_to": null,
      "cost": 0.10
    }, "not a job",
    {"id": "later", "status": "queued", "dependencies": ["none"]}
  ],
  "tail": {}
}"""
    world.write(JOBS, untouched)

    claim_id = claim(store).claim_id

    claimed = untouched.replace(
        '"status": "queued",\n      "id"', '"status": "running",\n      "id"'
    )
    claimed = claimed.replace('"assigned_to": null', '"assigned_to": "build1"')
    claimed = claimed.replace(
        '"cost": 0.10',
        '"cost": 0.10,\n      "started_at": "2025-10-29T12:00:00Z",\n      "attempt": 1,'
        f'\n      "token": 1,\n      "claim_id": "{claim_id}"',
    )
    assert world.text(JOBS) == claimed


def test_entries_that_make_no_sense_are_told_and_left(world: World) -> None:
    store = world.store()
    world.write(
        JOBS,
        '{"jobs": [7, {"id": "a", "status": "odd"}, {"id": "b", "status": "queued"},'
        ' {"id": "b", "status": "failed"}, {"status": "queued"}]}',
    )

    snapshot = store.snapshot()

    assert [found.id for found in snapshot.jobs()] == ["b"]
    assert snapshot.unreadable_jobs() == (
        "coordination/jobs.json: entry 1 is not an object",
        "coordination/jobs.json: entry 2 (job a) has unknown status 'odd'",
        "coordination/jobs.json: entry 4 (job b) has the same id as an earlier one",
        "coordination/jobs.json: entry 5 has no id",
    )
    with pytest.raises(BrokenDocument, match="job a has unknown status"):
        snapshot.job("a")


@pytest.mark.parametrize("text", ["", '{"jobs": [', '{"jobs": {}}', "<<<<<<< HEAD\n{}"])
def test_a_broken_queue_is_named_and_never_overwritten(world: World, text: str) -> None:
    store = world.store()
    world.write(JOBS, text)

    for use in (lambda: store.enqueue(job()), lambda: claim(store), store.jobs):
        with pytest.raises(BrokenDocument, match=r"coordination/jobs\.json"):
            use()

    assert world.text(JOBS) == text
    store.publish_idle()
    assert store.snapshot().builder_status("build1").status == "idle"
