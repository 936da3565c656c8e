"""Jobs with ids that the program made up; in memory and on Git."""

from __future__ import annotations

import pytest

from common.states import State
from coordination_tasks.documents.paths import JOBS
from coordination_tasks.domain.errors import BadRequest, IdTaken
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.operations import queue
from tests.support.coordination.world import World, claim, control, job

SHA, OTHER = "a" * 40, "b" * 40


def test_an_id_is_never_used_for_two_requests(world: World) -> None:
    store = world.store()
    store.enqueue_new([job("job_1")])
    for another in (job("job_1"), job("job_1", commit=SHA)):
        with pytest.raises(IdTaken):
            store.enqueue_new([job("job_2"), another])
    assert [stored.id for stored in store.jobs()] == ["job_1"], "all or none"


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.SUCCEEDED])
def test_no_second_job_for_a_commit_that_waits_runs_or_succeeded(
    world: World, state: State
) -> None:
    store = world.store()
    store.enqueue(job("job_1", commit=SHA))
    if state is not State.QUEUED:
        attempt = claim(store)
        if state is State.SUCCEEDED:
            store.complete(attempt, Completion(state=state))
    [found] = store.enqueue_new([job("job_2", commit=SHA)], unless_built=True)
    assert (found.id, found.state) == ("job_1", state)
    different = [
        job("job_3", commit=OTHER),
        job("job_4", commit=SHA, params={"x": "1"}),
        job("job_5", commit=SHA, type="test"),
        job("job_6", commit=SHA, pipeline="other"),
    ]
    assert store.enqueue_new(different, unless_built=True)[0].id == "job_3"
    assert len(store.jobs()) == 5


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_a_commit_that_failed_or_was_cancelled_is_new(world: World, state: State) -> None:
    store = world.store()
    store.enqueue(job("job_1", commit=SHA))
    if state is State.CANCELLED:
        control(store).cancel(["job_1"])
    else:
        store.complete(claim(store), Completion(state=state))
    [found] = store.enqueue_new([job("job_2", commit=SHA)], unless_built=True)
    assert found.id == "job_2"


def test_a_branch_that_waits_will_be_built_at_its_tip(world: World) -> None:
    store = world.store()
    store.enqueue(job("job_1"))
    [found] = store.enqueue_new([job("job_2", commit=SHA)], unless_built=True)
    assert found.id == "job_1"


def test_a_full_queue_takes_no_job_and_its_jobs_still_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = world.store()
    store.enqueue(job())
    # the true limit takes half a minute to reach
    monkeypatch.setattr(queue, "_MOST_BYTES", len(world.text(JOBS)) + 100)

    with pytest.raises(BadRequest, match=r"the queue is full: .* `doit housekeeping`"):
        store.enqueue(job("job_2"))
    store.complete(claim(store), Completion(state=State.SUCCEEDED, reason="x" * 200))

    assert store.job("job_1").state is State.SUCCEEDED


def test_a_listed_version_that_is_known_is_not_fetched_again(world: World) -> None:
    store, other = world.store(), world.store("build2")
    store.enqueue(job())
    before = store.snapshot().version
    other.enqueue(job(job_id="job_2"))

    assert store.known_snapshot().version == before
    assert store.snapshot(before).version == before
    newest = other.snapshot().version
    assert store.snapshot(newest).version == newest
    assert store.known_snapshot().version == newest
