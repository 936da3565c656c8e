"""Which of many jobs builders claim, and how many of a pipeline at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from common.states import State
from coordination_tasks.domain.errors import NothingToClaim
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.scheduling import Terms
from coordination_tasks.store.attempt_commands import Completion
from tests.support.coordination.world import PIPELINES, World, claim, job


def test_the_concurrency_of_a_pipeline_holds_for_all_builders(world: World) -> None:
    stores = [world.store(name) for name in ("build1", "build2")]
    for number in (1, 2):
        stores[0].enqueue(job(f"job_{number}"))
    terms = Terms(concurrency={"sample": 1})
    first = stores[0].claim(claim_id="c1", pipelines=PIPELINES, terms=terms)
    for wanted in (None, "job_2"):
        with pytest.raises(NothingToClaim, match="1 jobs of pipeline sample run in the farm"):
            stores[1].claim(claim_id="c2", pipelines=PIPELINES, terms=terms, job_id=wanted)
    stores[0].complete(first, Completion(state=State.SUCCEEDED, reason="", transitions=()))
    assert stores[1].claim(claim_id="c3", pipelines=PIPELINES, terms=terms).job.id == "job_2"


def test_branches_take_turns_also_with_what_runs(world: World) -> None:
    stores = [world.store(f"build{number}") for number in range(3)]
    for number in range(5):
        stores[0].enqueue(job(f"flood_{number}"))
    world.clock.now += timedelta(minutes=1)
    stores[0].enqueue(Job(id="other", pipeline="sample", branch="other"))
    assert [claim(store).job.id for store in stores] == ["flood_0", "other", "flood_1"]


def test_a_job_that_waits_long_enough_comes_first(world: World) -> None:
    store = world.store()
    store.enqueue(job("old", priority=7))
    world.clock.now += timedelta(hours=6)
    store.enqueue(job("new", priority=5))
    assert claim(store).job.id == "old"
