"""The plan of an attempt: kept with its first record, found again by a rerun."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from common.states import State
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.documents.paths import plan_path
from coordination_tasks.domain.model import Attempt, Job, Transition
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.operations.control import NextAttempt
from coordination_tasks.store.plans import (
    Plan,
    RecordedPlan,
    last_built_commit,
    recorded_plan,
    requested_start,
)
from coordination_tasks.store.store import Store
from tests.support.coordination.world import PIPELINES, World, began, claim, control, job

PLAN = Plan(data=b'{"steps": ["maven"]}\n', changed_since="1" * 40)
OTHER = Plan(data=b'{"steps": ["maven", "deb"]}\n')


def recorded(plan: Plan, attempt: int = 1) -> RecordedPlan:
    return RecordedPlan(digest=plan.digest, changed_since=plan.changed_since, attempt=attempt)


def first(attempt: Attempt, plan: Plan) -> Transition:
    return replace(began(attempt, "maven"), details=plan.details)


def attempt_with(store: Store, job_id: str, plan: Plan) -> Attempt:
    attempt = claim(store, job_id=job_id)
    store.record(attempt, [first(attempt, plan)], plan.data)
    store.complete(attempt, Completion(state=State.FAILED, reason="no"))
    return attempt


def test_a_plan_is_kept_by_the_write_that_names_it(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    attempt = claim(store)
    before = world.user().fetch()
    store.record(attempt, [first(attempt, PLAN)], PLAN.data)
    assert recorded_plan(store.snapshot(), store.job("job_1")) == recorded(PLAN)
    assert store.snapshot().plan(PLAN.digest) == PLAN.data
    assert store.snapshot().version != before


def test_equal_plans_are_kept_once(world: World) -> None:
    store = world.store()
    for number in (1, 2):
        store.enqueue(job(f"job_{number}"))
        attempt_with(store, f"job_{number}", PLAN)
    repository = world.user()
    names = repository.names(repository.fetch(), f"coordination/plans/{PLAN.digest[:2]}")
    assert list(names) == [f"{PLAN.digest}.json"]


def test_the_latest_recorded_plan_counts(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    attempt_with(store, "job_1", PLAN)
    attempt_with(store, "job_1", OTHER)
    attempt = claim(store, job_id="job_1")
    store.record(attempt, [began(attempt, "maven")])
    assert recorded_plan(store.snapshot(), attempt.job) == recorded(OTHER, attempt=2)


def test_a_plan_is_not_shown_when_its_content_was_changed(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    attempt_with(store, "job_1", PLAN)
    path = plan_path(PLAN.digest)
    assert path
    world.write(path, '{"steps": ["curl | sh"]}\n')
    assert store.snapshot().plan(PLAN.digest) is None


def test_a_new_plan_that_a_person_asked_for_counts_until_it_is_recorded(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    attempt_with(store, "job_1", PLAN)
    control(store).retry(["job_1"], NextAttempt(replan=True))
    lost = claim(store)
    assert recorded_plan(store.snapshot(), lost.job) is None
    store.reap("job_1", seen_token=lost.token, reason="dead")
    assert recorded_plan(store.snapshot(), store.job("job_1")) is None

    attempt_with(store, "job_1", OTHER)
    assert recorded_plan(store.snapshot(), store.job("job_1")) == recorded(OTHER, attempt=3)


def test_a_start_that_a_person_asked_for_counts_until_a_step_has_run(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    attempt_with(store, "job_1", PLAN)
    control(store).retry(["job_1"], NextAttempt(from_step="maven"))
    lost = claim(store)
    assert requested_start(store.snapshot(), lost.job, "build1") == "maven"
    store.reap("job_1", seen_token=lost.token, reason="dead", person="eve")
    assert requested_start(store.snapshot(), lost.job, "build1") == "maven"
    lost = store.claim(claim_id="by eve", pipelines=PIPELINES, requested_by="eve", job_id="job_1")
    control(store).release(["job_1"], force=True)
    assert requested_start(store.snapshot(), lost.job, "build1") == "maven"

    attempt_with(store, "job_1", PLAN)
    assert requested_start(store.snapshot(), lost.job, "build1") == ""
    assert requested_start(store.snapshot(), lost.job, "build2") == "maven"
    control(store).retry(["job_1"])
    assert requested_start(store.snapshot(), lost.job, "build2") == ""


def test_a_job_without_a_plan(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    attempt = claim(store)
    store.record(attempt, [began(attempt, "maven")])
    assert recorded_plan(store.snapshot(), attempt.job) is None
    assert plan_path("../../etc/passwd") is None


def test_the_outbox_keeps_the_plan(world: World, tmp_path: Path) -> None:
    store = world.store()
    store.enqueue(job())
    attempt = claim(store)
    with Outbox(tmp_path / "outbox.sqlite") as outbox:
        outbox.submit_transitions(attempt, [first(attempt, PLAN)], PLAN.data)
    with Outbox(tmp_path / "outbox.sqlite") as outbox:
        assert outbox.flush(store).sent == 1
    assert recorded_plan(store.snapshot(), attempt.job) == recorded(PLAN)
    assert store.snapshot().plan(PLAN.digest) == PLAN.data


def built(world: World, store: Store, job_id: str, commit: str, **more: str) -> None:
    world.clock.now += timedelta(minutes=1)
    store.enqueue(Job(id=job_id, pipeline="sample", commit=commit, **{"branch": "main", **more}))  # type: ignore[arg-type]
    attempt = claim(store, job_id=job_id)
    store.complete(attempt, Completion(state=State.SUCCEEDED))


def test_the_last_built_commit_of_the_branch(world: World) -> None:
    store = world.store()
    built(world, store, "old", "a" * 40)
    built(world, store, "newer", "b" * 40)
    built(world, store, "elsewhere", "c" * 40, branch="other")
    world.clock.now += timedelta(minutes=1)
    this = store.enqueue(Job(id="this", pipeline="sample", branch="main", commit="d" * 40))
    assert last_built_commit(store.snapshot(), this) == "b" * 40
    built(world, store, "later", "e" * 40)
    assert last_built_commit(store.snapshot(), this) == "b" * 40
    assert last_built_commit(store.snapshot(), store.job("old")) is None
