"""Plans that a builder would refuse to run, as `doit fsck` finds them."""

from __future__ import annotations

from dataclasses import replace

from common.states import State
from coordination_tasks.documents.paths import transitions_path
from coordination_tasks.domain.errors import ForeignPlan
from coordination_tasks.domain.model import Job
from coordination_tasks.fsck.plans import check_plans
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.plans import Plan, RecordedPlan
from tests.support.coordination.world import World, began, claim, control, job


def test_a_queued_job_whose_plan_this_builder_would_refuse(world: World) -> None:
    store = world.store()
    plan = Plan(data=b'{"steps": []}')
    for job_id in ("known", "foreign", "done", "unknown"):
        store.enqueue(job(job_id))
        attempt = claim(store, job_id)
        store.record(attempt, [replace(began(attempt, "maven"), details=plan.details)], plan.data)
        store.complete(attempt, Completion(state=State.FAILED, reason="no"))
    control(store).retry(["known", "foreign", "unknown"])

    def find(asked: Job, _recorded: RecordedPlan) -> None:
        if asked.id == "unknown":
            raise ValueError("unknown pipeline")
        if asked.id != "known":
            raise ForeignPlan("attempt 1 used plan x")

    [finding] = check_plans(store.snapshot(), find)
    path = transitions_path("foreign", 1)
    assert finding.problem == f"{path}: queued job foreign: attempt 1 used plan x"
    assert "doit retry foreign --replan" in finding.remedy
