"""What programs without our keys do beside us: the right value of each known fault."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from common.states import State
from coordination_tasks.documents.paths import JOBS, MESSAGES
from coordination_tasks.domain.errors import Conflict, NothingToClaim
from coordination_tasks.farm.messages.mailbox import Mailbox
from coordination_tasks.fsck.jobs import check_jobs
from coordination_tasks.fsck.stalled import check_dropped
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.operations.build_metrics import BUILD_METRICS
from coordination_tasks.store.operations.control import ANY_BUILDER, JobChange
from coordination_tasks.store.store import Store
from tests.support.coordination.world import NOON, World, claim, control, job

OLD_KEYS = ("id", "type", "priority", "branch", "commit", "dependencies", "assigned_to", "status")


def queue(world: World) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(world.text(JOBS))
    return document


def rewrite(world: World, **changes: object) -> None:
    """An old program writes the only job anew, with the keys that it knows."""
    [entry] = queue(world)["jobs"]
    known = {key: entry[key] for key in OLD_KEYS} | changes
    world.write(JOBS, json.dumps({"jobs": [known]}))


def old_builder(world: World, **status: object) -> None:
    world.write_all({
        "build9/status.json": json.dumps({"server": "build9", **status}).encode(),
        "build9/heartbeat.json": b'{"timestamp": "2025-10-29T11:59:00Z", "healthy": true}',
    })  # fmt: skip


def test_a_job_that_lost_members_is_what_was_requested(world: World) -> None:
    store = world.store()
    store.enqueue(
        job(params={"version": "1.2"}, labels=("gpu",), queued_by="ann", wanted_builder="build2")
    )
    rewrite(world, priority=2)
    found = store.job("job_1")
    assert (found.pipeline, found.params, found.labels) == ("sample", {"version": "1.2"}, ("gpu",))
    assert (found.queued_by, found.wanted_builder, found.priority) == ("ann", "build2", 2)
    [told] = [f.problem for f in check_jobs(store.snapshot(), None)]
    assert told.endswith("another program removed pipeline, params, labels of job job_1")
    with pytest.raises(NothingToClaim, match="only for builder build2"):
        claim(store)
    with pytest.raises(NothingToClaim, match="missing label gpu"):
        claim(world.store("build2"))
    claim(world.store("build2", gpu="1"))
    [entry] = queue(world)["jobs"]
    assert (entry["pipeline"], entry["labels"], entry["status"]) == ("sample", ["gpu"], "running")


def test_later_settings_are_remembered_too(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    control(store).change(["job_1"], JobChange(hold=True))
    rewrite(world)
    assert store.job("job_1").held == "held by ann"


def test_a_queued_job_that_is_assigned_is_for_that_builder_alone(world: World) -> None:
    store = world.store("build3")
    store.enqueue(job())
    rewrite(world, assigned_to="build1")
    with pytest.raises(NothingToClaim, match="only for builder build1"):
        claim(store)
    control(store).change(["job_1"], JobChange(wanted_builder=ANY_BUILDER))
    assert claim(store).job.id == "job_1"


def test_a_deploy_job_and_one_without_a_source_are_left_alone(world: World) -> None:
    world.write(
        JOBS,
        json.dumps({
            "jobs": [
                {"id": "d", "type": "deploy", "branch": "main", "status": "queued"},
                {"id": "n", "type": "build", "status": "queued"},
            ]
        }),
    )  # fmt: skip
    store = world.store()
    with pytest.raises(NothingToClaim) as refused:
        store.claim(claim_id="c", pipelines={"sample": ()}, default_pipeline="sample")
    reasons = dict(refused.value.refusals)
    assert "only jobs of type build, not deploy" in reasons["d"]
    assert reasons["n"] == "it names neither branch nor commit"


def test_durations_are_whole_seconds_for_shells(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    store.complete(claim(store), Completion(state=State.SUCCEEDED, duration_seconds=83.512))
    [entry] = queue(world)["jobs"]
    assert (entry["duration_seconds"], entry["exact_duration_seconds"]) == (84, 83.512)
    assert store.job("job_1").duration_seconds == 83.512
    rewrite(world, duration_seconds=90)
    assert store.job("job_1").duration_seconds == 90


def test_what_an_old_program_marked_as_read_stays_read(world: World) -> None:
    store = world.store()
    store.publish_idle()
    world.store("build2").publish_idle()
    Mailbox(world.store("build3")).send("all", "subject")
    text = world.text(MESSAGES)
    world.write(MESSAGES, text.replace('"read": false', '"read": true'))
    Mailbox(store).mark_read()
    [message] = json.loads(world.text(MESSAGES))["messages"]
    assert (message["read"], message["read_by"]) == (True, ["build1"])


def run_on_old_builder(world: World, **status: object) -> Store:
    store = world.store()
    old_builder(world, **status)
    entry = {"id": "job_1", "branch": "main", "status": "running", "assigned_to": "build9"}
    world.write(JOBS, json.dumps({"jobs": [entry]}))
    return store


def test_a_job_that_its_living_old_builder_dropped_is_named_and_released(world: World) -> None:
    store = run_on_old_builder(world, status="idle", current_job=None)
    [told] = [f.problem for f in check_dropped(store.snapshot())]
    assert told.endswith("job_1 is running on build9, an older program that says that it is idle")
    control(store).release(["job_1"], "dropped")
    assert store.job("job_1").state is State.QUEUED
    assert store.job("job_1").reason == "released by ann: dropped"


def test_a_job_that_is_built_is_released_only_with_force(world: World) -> None:
    store = run_on_old_builder(world, status="building", current_job={"id": "job_1"})
    assert list(check_dropped(store.snapshot())) == []
    with pytest.raises(Conflict, match="does not say that it does something else"):
        control(store).release(["job_1"])
    control(store).release(["job_1"], force=True)
    assert store.job("job_1").state is State.QUEUED
    with pytest.raises(Conflict, match="is not running"):
        control(store).release(["job_1"], force=True)


MANIFEST = {"job_id": "job_1", "build_dir": "/srv/jobs/job_1", "artifacts": [{"path": "a/b.deb"}]}


@pytest.mark.parametrize("beside", [True, False])
def test_old_programs_find_manifests_with_absolute_paths(world: World, beside: bool) -> None:
    store = world.store()
    if beside:
        old_builder(world, status="idle")
    store.enqueue(job())
    manifest = json.dumps(MANIFEST).encode()
    store.complete(claim(store), Completion(state=State.SUCCEEDED, manifest=manifest))
    found = store.snapshot().read("build1/artifacts/job_1_manifest.json")
    assert (found is not None) == beside
    if found:
        assert json.loads(found)["artifacts"] == [{"path": "/srv/jobs/job_1/a/b.deb"}]


def test_an_old_builder_that_was_given_up_is_no_neighbour(world: World) -> None:
    store = world.store()
    old_builder(world, status="idle")
    world.clock.now = NOON + timedelta(days=8)
    store.enqueue(job())
    manifest = json.dumps(MANIFEST).encode()
    store.complete(claim(store), Completion(state=State.SUCCEEDED, manifest=manifest))
    assert store.snapshot().read("build1/artifacts/job_1_manifest.json") is None


def build(world: World, name: str, state: State, minutes: int) -> None:
    store = world.store()
    store.enqueue(job(name))
    attempt = claim(store)
    world.clock.now += timedelta(minutes=minutes)
    store.complete(attempt, Completion(state=state, artifacts=("a.deb",)))


def test_a_build_has_its_row_in_the_metrics_of_older_programs(world: World) -> None:
    build(world, "job_1", State.SUCCEEDED, 1)
    assert world.store().snapshot().read(BUILD_METRICS) is None, "nobody reads it"
    old_builder(world)
    build(world, "job_2", State.SUCCEEDED, 2)
    build(world, "job_3", State.FAILED, 4)
    found = json.loads(world.text(BUILD_METRICS))
    assert [(row["job_id"], row["status"]) for row in found["builds"]] == [
        ("job_2", "completed"),
        ("job_3", "failed"),
    ]
    [first, _] = found["builds"]
    assert (first["server"], first["duration_seconds"]) == ("build1", 120)
    assert first["artifacts"] == {"count": 1, "size_bytes": 0}
    [summed_up] = found["statistics"]["by_branch"].values()
    assert summed_up == {
        "count": 2,
        "avg_duration": 180.0,
        "min_duration": 120,
        "max_duration": 240,
        "success_rate": 50.0,
    }


def test_the_rows_of_others_stay_and_the_oldest_go(world: World) -> None:
    row = {"job_id": "old", "mine": 1.50, "branch": "b", "duration_seconds": 5, "status": "failed"}
    world.write(BUILD_METRICS, json.dumps({"note": "x", "builds": [row] * 1000}))
    build(world, "job_1", State.SUCCEEDED, 2)
    text = world.text(BUILD_METRICS)
    found = json.loads(text)
    assert (found["note"], len(found["builds"]), text.count("1.50")) == ("x", 1000, 0)
    assert [found["builds"][0], found["builds"][-1]["job_id"]] == [row, "job_1"]


def test_broken_metrics_keep_no_build_from_ending(world: World) -> None:
    world.write(BUILD_METRICS, '{"builds": {}}')
    build(world, "job_1", State.SUCCEEDED, 2)
    assert world.store().job("job_1").state is State.SUCCEEDED
    assert world.text(BUILD_METRICS) == '{"builds": {}}'
