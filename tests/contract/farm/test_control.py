"""What a person does with jobs and builders, on every kind of repository."""

from __future__ import annotations

import json

import pytest

from common.states import State
from coordination_tasks.documents.drains import ALL
from coordination_tasks.documents.paths import DRAINS, JOBS
from coordination_tasks.domain.errors import (
    BadRequest,
    BrokenDocument,
    ClaimLost,
    Conflict,
    NotFound,
    NothingToClaim,
    SecretFound,
)
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.operations.control import JobChange, NextAttempt
from tests.support.coordination.fake_secrets import GITHUB
from tests.support.coordination.world import World, began, claim, control, job


def end(world: World, name: str, state: State) -> None:
    store = world.store()
    store.enqueue(job(name))
    store.complete(claim(store, name), Completion(state=state, reason="why"))


def test_jobs_are_cancelled_together_or_not_at_all(world: World) -> None:
    store = world.store()
    for name in ("job_1", "job_2"):
        store.enqueue(job(name))
    with pytest.raises(NotFound, match="no-such-job"):
        control(store).cancel(["job_1", "no-such-job", "job_2"])
    assert {found.state for found in store.jobs()} == {State.QUEUED}

    assert [j.state for j in control(store).cancel(["job_1", "job_2"])] == [State.CANCELLED] * 2
    with pytest.raises(NothingToClaim, match="no job is queued"):
        claim(store)


@pytest.mark.parametrize("state", [State.FAILED, State.TIMED_OUT])
def test_a_job_that_ended_badly_waits_again_for_its_next_attempt(
    world: World, state: State
) -> None:
    end(world, "job_1", state)
    store = world.store("build2")

    [waits] = control(store, "eve").retry(["job_1"])

    assert (waits.state, waits.attempt, waits.assigned_to) == (State.QUEUED, 1, None)
    assert (waits.completed_at, waits.duration_seconds) == (None, None)
    moved = store.transitions("job_1")[-1]
    assert (moved.from_state, moved.to_state, moved.details) == (state, State.QUEUED, {"by": "eve"})
    assert control(store).retry(["job_1"]) == (waits,), "a job that waits stays as it is"
    assert claim(store).number == 2


def test_a_cancelled_job_is_retried_on_one_builder(world: World) -> None:
    store = world.store("build1")
    store.enqueue(job())
    attempt = claim(store)
    control(store).cancel(["job_1"])
    control(store).retry(["job_1"], NextAttempt(wanted_builder="build2"))

    with pytest.raises(ClaimLost):
        store.complete(attempt, Completion(state=State.SUCCEEDED))
    with pytest.raises(NothingToClaim, match="only for builder build2"):
        claim(store)
    assert claim(world.store("build2")).job.id == "job_1"


def test_the_next_attempt_is_recorded_with_what_was_asked_for(world: World) -> None:
    end(world, "job_1", State.FAILED)
    store = world.store()
    control(store).retry(["job_1"], NextAttempt(replan=True, from_step="maven"))
    asked = {"by": "ann", "replan": True, "from_step": "maven"}
    assert store.transitions("job_1")[-1].details == asked


def test_a_queued_job_is_cancelled_and_queued_again_when_its_attempt_is_to_differ(
    world: World,
) -> None:
    store = world.store()
    store.enqueue(job("new"))
    assert control(store).retry(["new"], NextAttempt(replan=True))[0].token == 0

    end(world, "job_1", State.FAILED)
    [queued] = control(store).retry(["job_1"])
    [again] = control(store).retry(["job_1"], NextAttempt(replan=True))

    assert (again.state, again.token) == (State.QUEUED, queued.token + 2)
    moves = [(t.from_state, t.to_state) for t in store.transitions("job_1")[-2:]]
    assert moves == [(State.QUEUED, State.CANCELLED), (State.CANCELLED, State.QUEUED)]
    assert claim(store, "job_1").number == 2


def test_a_step_that_the_latest_attempt_does_not_know_is_refused(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    attempt = claim(store)
    store.record(attempt, [began(attempt, "maven")])
    store.complete(attempt, Completion(state=State.FAILED, reason="no"))

    with pytest.raises(BadRequest, match=r"unknown step 'mavne' of job job_1 \(known: maven\)"):
        control(store).retry(["job_1"], NextAttempt(from_step="mavne"))
    assert store.job("job_1").state is State.FAILED
    control(store).retry(["job_1"], NextAttempt(from_step="mavne", replan=True))
    assert store.job("job_1").state is State.QUEUED


def test_what_runs_or_succeeded_is_not_retried(world: World) -> None:
    store = world.store()
    end(world, "done", State.SUCCEEDED)
    store.enqueue(job("runs"))
    claim(store, "runs")
    with pytest.raises(Conflict, match="Build it again here with `doit rerun done`"):
        control(store).retry(["done"])
    with pytest.raises(Conflict, match="Cancel it first with `doit cancel runs`"):
        control(store).retry(["runs"])


def test_a_held_job_is_taken_by_nobody_until_it_is_released(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    control(store).change(["job_1"], JobChange(hold=True))
    control(store, "eve").change(["job_1"], JobChange(hold=True))

    with pytest.raises(NothingToClaim, match="held by ann"):
        claim(store, "job_1")
    [released] = control(store).change(["job_1"], JobChange(hold=False))

    assert released.held == ""
    assert claim(store).job.id == "job_1"


def test_a_held_job_can_be_cancelled_and_is_free_when_it_is_retried(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    control(store).change(["job_1"], JobChange(hold=True))
    control(store).cancel(["job_1"])
    control(store).retry(["job_1"])
    assert claim(store).job.id == "job_1"


def test_priority_and_builder_of_a_waiting_job_change(world: World) -> None:
    store = world.store("build1")
    for name in ("job_1", "job_2", "job_3"):
        store.enqueue(job(name))
    control(store).change(["job_3"], JobChange(priority=1))
    control(store).change(["job_1"], JobChange(wanted_builder="build2"))

    assert [claim(store).job.id, claim(store).job.id] == ["job_3", "job_2"]
    control(store).change(["job_1"], JobChange(wanted_builder="any"))
    assert claim(store).job.id == "job_1"


def test_only_waiting_jobs_change_and_only_to_what_can_be(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    for change, words in (
        (JobChange(priority=11), "expected 1 .first. to 10"),
        (JobChange(wanted_builder="../x"), "invalid builder id"),
        (JobChange(wanted_builder="main"), "invalid builder id"),
    ):
        with pytest.raises(BadRequest, match=words):
            control(store).change(["job_1"], change)
    claim(store)
    with pytest.raises(Conflict, match="is not queued: its state is running"):
        control(store).change(["job_1"], JobChange(priority=1))


def test_a_job_that_nobody_changed_is_written_as_before(world: World) -> None:
    world.store().enqueue(job())
    [stored] = json.loads(world.text(JOBS))["jobs"]
    assert not {"held", "wanted_builder"} & stored.keys()


def test_a_drained_builder_finishes_and_claims_nothing_more(world: World) -> None:
    store, other = world.store("build1"), world.store("build2")
    for name in ("job_1", "job_2"):
        store.enqueue(job(name))
    running = claim(store)
    first = control(other).drain("build1", "new disk")

    store.complete(running, Completion(state=State.SUCCEEDED))
    why = r"drained by ann since .*: new disk"
    with pytest.raises(NothingToClaim, match=why):
        claim(store)
    with pytest.raises(NothingToClaim, match=why):
        claim(store, "job_2")
    assert control(other, "eve").drain("build1", "other words") == first
    assert store.snapshot().drains() == {"build1": first}

    assert control(other).resume("build1") == first
    assert control(other).resume("build1") is None
    assert claim(store).job.id == "job_2"


def test_the_whole_farm_is_paused(world: World) -> None:
    store = world.store("build1")
    store.enqueue(job())
    control(store).drain(ALL)
    control(store).drain("build1")
    for builder in ("build1", "build2"):
        with pytest.raises(NothingToClaim, match=f"builder {builder} claims nothing"):
            claim(world.store(builder))
    control(store).resume(ALL)
    with pytest.raises(NothingToClaim, match="doit resume build1"):
        claim(store)
    assert claim(world.store("build2")).job.id == "job_1"


def test_what_others_wrote_beside_a_drain_stays(world: World) -> None:
    world.write(DRAINS, '{"drains": {"build3": {"by": "x", "ticket": 7}}, "more": [1]}')
    control(world.store()).drain("build1")
    control(world.store()).resume("build1")
    assert json.loads(world.text(DRAINS)) == {
        "drains": {"build3": {"by": "x", "ticket": 7}, "build1": None},
        "more": [1],
    }


@pytest.mark.parametrize("text", ["[]", "{", '{"drains": []}'])
def test_nothing_is_claimed_while_the_drains_cannot_be_read(world: World, text: str) -> None:
    store = world.store()
    store.enqueue(job())
    world.write(DRAINS, text)
    with pytest.raises(BrokenDocument, match=DRAINS):
        claim(store)
    assert store.job("job_1").state is State.QUEUED


def test_what_looks_like_a_secret_is_not_recorded(world: World) -> None:

    store = world.store()
    store.enqueue(job())
    with pytest.raises(SecretFound):
        control(store).cancel(["job_1"], f"see {GITHUB}")
    with pytest.raises(SecretFound):
        control(store).drain("build1", f"see {GITHUB}")
    with pytest.raises(SecretFound):
        control(store, GITHUB)
