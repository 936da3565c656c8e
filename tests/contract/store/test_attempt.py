"""What a builder writes for its attempt; in memory and on Git."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from common.states import State
from coordination_tasks.domain.errors import (
    BadRequest,
    ClaimLost,
    HistoryRewritten,
    IllegalTransition,
    NotFound,
)
from coordination_tasks.domain.model import Attempt
from coordination_tasks.store.attempt_commands import Completion, Fence, Record
from coordination_tasks.store.store import Store
from tests.support.coordination.world import (
    World,
    began,
    claim,
    ended,
    job,
    transition,
)


def claimed(world: World) -> tuple[Store, Attempt]:
    store = world.store()
    store.enqueue(job())
    return store, claim(store)


def steps(store: Store) -> list[tuple[str, State]]:
    return [(t.step, t.to_state) for t in store.transitions("job_1") if t.step]


def test_transitions_are_recorded_in_order(world: World) -> None:
    store, attempt = claimed(world)

    store.record(attempt, [began(attempt, "maven")])
    store.record(attempt, [ended(attempt, "maven"), began(attempt, "deb")])

    assert steps(store) == [
        ("maven", State.RUNNING),
        ("maven", State.SUCCEEDED),
        ("deb", State.RUNNING),
    ]


def test_a_transition_that_is_sent_twice_is_stored_once(world: World) -> None:
    store, attempt = claimed(world)
    first, second = began(attempt, "maven"), ended(attempt, "maven")

    store.record(attempt, [first])
    store.record(attempt, [first, second])
    store.record(attempt, [first, second])

    assert len(steps(store)) == 2


def test_what_an_old_copy_refuses_is_asked_of_the_newest(world: World) -> None:
    store, attempt = claimed(world)
    another_process = world.store()
    another_process.jobs()
    store.record(attempt, [began(attempt, "maven")])

    another_process.record(attempt, [ended(attempt, "maven")])

    assert steps(store)[-1] == ("maven", State.SUCCEEDED)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (State.RUNNING, State.SUCCEEDED),
        (State.QUEUED, State.SUCCEEDED),
        (State.QUEUED, State.QUEUED),
    ],
)
def test_an_illegal_transition_changes_nothing(world: World, before: State, after: State) -> None:
    store, attempt = claimed(world)

    with pytest.raises(IllegalTransition, match="step deb"):
        store.record(attempt, [began(attempt, "maven"), transition(attempt, "deb", before, after)])

    assert steps(store) == []


def test_only_the_store_moves_jobs(world: World) -> None:
    store, attempt = claimed(world)

    with pytest.raises(IllegalTransition, match="only the store changes job states"):
        store.record(attempt, [transition(attempt, None, State.RUNNING, State.SUCCEEDED)])


def test_a_completion_is_one_write_of_all(world: World) -> None:
    store, attempt = claimed(world)
    store.record(attempt, [began(attempt, "maven")])

    store.complete(
        attempt,
        Completion(
            state=State.SUCCEEDED,
            reason="all steps succeeded",
            manifest=b'{"job_id": "job_1"}\n',
            artifacts=("a.deb", "b.deb"),
            duration_seconds=12.5,
            transitions=(ended(attempt, "maven"),),
        ),
    )

    snapshot = store.snapshot()
    stored = snapshot.job("job_1")
    assert (stored.state, stored.assigned_to) == (State.SUCCEEDED, "build1")
    assert (stored.reason, stored.duration_seconds) == ("all steps succeeded", 12.5)
    assert steps(store)[-1] == ("maven", State.SUCCEEDED)
    assert snapshot.transitions("job_1")[-1].to_state is State.SUCCEEDED
    assert snapshot.manifest("build1", "job_1", 1) == b'{"job_id": "job_1"}\n'
    status = json.loads(world.text("build1/status.json"))
    assert (status["status"], status["current_job"]) == ("success", None)
    assert status["last_build"] == {
        "id": "job_1",
        "status": "success",
        "completed_at": "2025-10-29T12:00:00Z",
        "duration_seconds": 12,
        "exact_duration_seconds": 12.5,
        "artifacts": ["a.deb", "b.deb"],
    }


@pytest.mark.parametrize(
    ("state", "status", "last"),
    [
        (State.FAILED, "failed", "failed"),
        (State.TIMED_OUT, "failed", "failed"),
        (State.CANCELLED, "idle", None),
    ],
)
def test_how_other_ends_are_published(
    world: World, state: State, status: str, last: str | None
) -> None:
    store, attempt = claimed(world)

    store.complete(attempt, Completion(state=state, reason="because"))

    published = store.snapshot().builder_status("build1")
    assert store.job("job_1").state is state
    assert published.status == status
    assert (published.last_build or {}).get("status") == last


def test_a_repeated_completion_changes_nothing(world: World) -> None:
    store, attempt = claimed(world)
    completion = Completion(state=State.FAILED, reason="tests")
    store.complete(attempt, completion)
    before = store.snapshot()

    store.complete(attempt, completion)

    assert store.snapshot().version == before.version


def test_a_repeated_completion_is_known_after_another_claim(world: World) -> None:
    store, attempt = claimed(world)
    completion = Completion(state=State.FAILED, reason="tests")
    store.complete(attempt, completion)
    again = claim(store, "job_1")

    store.complete(attempt, completion)

    assert store.job("job_1") == again.job


def test_an_attempt_ends_once(world: World) -> None:
    store, attempt = claimed(world)
    store.complete(attempt, Completion(state=State.SUCCEEDED))

    with pytest.raises(IllegalTransition):
        store.complete(attempt, Completion(state=State.FAILED))
    with pytest.raises(IllegalTransition):
        store.release(attempt, "too late")
    assert store.job("job_1").state is State.SUCCEEDED


def test_an_attempt_does_not_end_as_queued(world: World) -> None:
    store, attempt = claimed(world)

    with pytest.raises(BadRequest, match="invalid end of an attempt: queued"):
        store.complete(attempt, Completion(state=State.QUEUED))


def test_the_last_steps_end_is_recorded_after_the_completion(world: World) -> None:
    store, attempt = claimed(world)
    store.record(attempt, [began(attempt, "publish-status")])
    store.complete(attempt, Completion(state=State.SUCCEEDED))

    store.record(attempt, [ended(attempt, "publish-status")])

    assert steps(store)[-1] == ("publish-status", State.SUCCEEDED)


def test_a_released_job_waits_for_anybody(world: World) -> None:
    store, attempt = claimed(world)
    store.record(attempt, [began(attempt, "maven")])
    broken_off = transition(attempt, "maven", State.RUNNING, State.CANCELLED)

    store.release(attempt, "ended by SIGINT", [broken_off])
    store.release(attempt, "ended by SIGINT", [broken_off])

    stored = store.job("job_1")
    assert (stored.state, stored.assigned_to, stored.token) == (State.QUEUED, None, 2)
    moves = [(t.from_state, t.to_state) for t in store.transitions("job_1") if t.step is None]
    assert moves == [
        (State.QUEUED, State.RUNNING),
        (State.RUNNING, State.CANCELLED),
        (State.CANCELLED, State.QUEUED),
    ]
    assert steps(store)[-1] == ("maven", State.CANCELLED)
    assert store.snapshot().builder_status("build1").status == "idle"
    assert claim(world.store("build2")).number == 2


def test_a_zombie_writes_nothing(world: World) -> None:
    store, attempt = claimed(world)
    store.release(attempt, "ended")
    other = claim(world.store("build2"))
    before = store.snapshot().version

    with pytest.raises(ClaimLost):
        store.record(attempt, [began(attempt, "maven")])
    with pytest.raises(ClaimLost, match=r"lost the claim on job job_1 .* is running on build2"):
        store.complete(attempt, Completion(state=State.SUCCEEDED))

    assert store.snapshot().version == before
    assert store.job("job_1") == other.job


@pytest.mark.parametrize(
    "taken",
    [
        '"status": "queued", "assigned_to": null',
        '"status": "running", "assigned_to": "build9"',
        '"status": "completed", "assigned_to": "build1"',
    ],
)
def test_an_old_program_that_takes_the_job_away(world: World, taken: str) -> None:
    """It knows nothing of our token, attempt and claim id, and leaves them as they are."""
    store, attempt = claimed(world)
    world.write(
        "coordination/jobs.json",
        f'{{"jobs": [{{"id": "job_1", {taken}, "attempt": 1, "token": 1,'
        f' "claim_id": "{attempt.claim_id}"}}]}}',
    )

    with pytest.raises(ClaimLost):
        store.record(attempt, [began(attempt, "maven")])


def test_a_job_that_is_gone_from_the_queue(world: World) -> None:
    store, attempt = claimed(world)
    world.write("coordination/jobs.json", '{"jobs": []}')

    with pytest.raises(ClaimLost, match="no longer in the queue"):
        store.record(attempt, [began(attempt, "maven")])


def test_a_token_that_went_back_is_an_alarm(world: World) -> None:
    store, attempt = claimed(world)
    world.write(
        "coordination/jobs.json", '{"jobs": [{"id": "job_1", "status": "queued", "token": 0}]}'
    )

    with pytest.raises(HistoryRewritten, match="fencing token 0, lower than 1"):
        store.record(attempt, [began(attempt, "maven")])


def test_of_many_writes_only_the_bad_ones_are_refused(world: World) -> None:
    store, attempt = claimed(world)
    fence = Fence.of(attempt)
    good, bad = began(attempt, "maven"), ended(attempt, "deb")

    errors = store.send(
        [
            Record(fence=fence, transitions=(good,)),
            Record(fence=fence, transitions=(bad,)),
            Record(fence=fence, transitions=(ended(attempt, "maven"),)),
        ]
    )

    assert [type(error) for error in errors] == [type(None), IllegalTransition, type(None)]
    assert steps(store) == [("maven", State.RUNNING), ("maven", State.SUCCEEDED)]


def test_torn_lines_of_others_are_kept_and_told(world: World) -> None:
    store, attempt = claimed(world)
    path = "coordination/transitions/bb/job_1/001.jsonl"
    torn = world.text(path) + '{"id": "x", "jo'
    world.write(path, torn)

    store.record(attempt, [began(attempt, "maven")])

    assert world.text(path).startswith(torn + "\n{")
    assert steps(store) == [("maven", State.RUNNING)]
    [problem] = store.snapshot().unreadable_transitions("job_1")
    assert problem.startswith(f"{path}: line 2: ")


def test_a_broken_status_does_not_hold_up_the_queue(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    world.write("build1/status.json", '{"status": ')

    claim(store)

    assert world.text("build1/status.json") == '{"status": '
    assert any("build1/status.json:1:12" in notice for notice in world.notices)


def test_other_keys_of_the_status_stay(world: World) -> None:
    store = world.store()
    world.write(
        "build1/status.json",
        '{\n  "status": "idle",\n  "capabilities": {"cores": 8},\n  "system": {"x": 1}\n}\n',
    )

    store.publish_idle()

    text = world.text("build1/status.json")
    assert text.startswith('{\n  "status": "idle",\n  "capabilities": {"cores": 8},\n  "system"')
    assert json.loads(text)["system"] == {"x": 1}


def test_a_late_end_does_not_hide_what_the_builder_does_now(world: World) -> None:
    store, first = claimed(world)
    store.enqueue(job("job_2"))
    claim(store)

    store.complete(first, Completion(state=State.SUCCEEDED))

    published = store.snapshot().builder_status("build1")
    assert published.status == "building"
    assert (published.current_job or {})["id"] == "job_2"


def test_builders_are_found_by_their_status(world: World) -> None:
    store = world.store("build2")
    store.publish_idle()
    world.store("build1").publish_idle()
    world.write("shared/build_config.json", "{}")

    assert store.snapshot().builders() == ("build1", "build2")
    with pytest.raises(NotFound):
        store.snapshot().builder_status("shared")


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED, State.TIMED_OUT, State.CANCELLED])
@pytest.mark.parametrize("how", ["release", "reap"])
def test_an_aborted_rerun_leaves_the_job_as_it_had_ended(
    world: World, state: State, how: str
) -> None:
    store, attempt = claimed(world)
    assert attempt.ended_as is None
    world.clock.sleep(60)
    store.complete(attempt, Completion(state=state, reason="its own reason"))
    before = store.job("job_1")
    for number in (2, 3, 4):
        world.clock.sleep(60)
        rerun = claim(store, "job_1")
        assert rerun.ended_as is state
        store.record(rerun, [began(rerun, "maven", f"began-{number}")])
        if how == "release":
            store.release(rerun, "ended by SIGTERM")
        else:
            store.reap("job_1", seen_token=rerun.token, reason="no heartbeat")
        after = store.job("job_1")
        assert after.attempt == number
        assert after.token > rerun.token
        assert replace(after, attempt=1, token=before.token, claim_id=before.claim_id) == before
        with pytest.raises(ClaimLost):
            store.record(rerun, [ended(rerun, "maven", f"ended-{number}")])
    [*_, last] = [t for t in store.transitions("job_1") if t.step is None]
    assert last.to_state is state
    assert f"the job stays {state}" in last.reason
