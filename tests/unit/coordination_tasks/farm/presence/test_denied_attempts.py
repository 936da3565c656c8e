"""A builder that lives, but does not build what it holds: it came back without its disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

import pytest

from common.states import State
from coordination_tasks.documents.paths import status_path
from coordination_tasks.fsck.stalled import check_denied
from tests.support.coordination.world import began, ended, job
from tests.unit.coordination_tasks.farm.presence.test_observer import EVERY, LEASE, Farm

IDLE: Mapping[str, object] = {"status": "idle", "current_job": None}


def building(**current: object) -> dict[str, object]:
    return {"status": "building", "current_job": {"id": "job_1", **current}}


def claimed(farm: Farm) -> str:
    farm.owner.store.enqueue(job())
    return farm.owner.claim().claim_id


def seconds_until_taken(farm: Farm, told: Mapping[str, object], most: float) -> float | None:
    """Beats of the owner that say this, while the looker looks."""
    for turn in range(int(most / EVERY)):
        files = {status_path("build1"): json.dumps(told).encode()}
        farm.owner.heartbeats.beat(files)
        if farm.looker.observer.look():
            return turn * EVERY
        farm.looker.seconds += EVERY
    return None


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (IDLE, "builder build1 is idle"),
        (building(id="job_7"), "builder build1 builds job job_7"),
        (building(claim_id="another"), "builder build1 builds it for another claim"),
        (building(claim_id=["another"]), "builder build1 builds it for another claim"),
    ],
)
def test_it_loses_the_job_after_its_lease(told: Mapping[str, object], words: str) -> None:
    farm = Farm()
    claimed(farm)

    taken_after = seconds_until_taken(farm, told, 3 * LEASE)

    assert taken_after is not None
    assert LEASE <= taken_after <= LEASE + 3 * EVERY
    found = farm.job()
    assert (found.state, found.attempt) == (State.QUEUED, 1)
    assert found.reason.startswith(words)


def test_who_builds_it_keeps_it() -> None:
    farm = Farm()
    claim_id = claimed(farm)
    assert seconds_until_taken(farm, building(claim_id=claim_id), 4 * LEASE) is None
    assert seconds_until_taken(farm, building(), 4 * LEASE) is None, "the last release says less"


def test_a_heartbeat_that_is_no_document_denies_nothing() -> None:
    farm = Farm()
    claimed(farm)
    for _ in range(40):
        farm.owner.heartbeats.beat({status_path("build1"): b"{torn"})
        assert not farm.looker.observer.look()
        farm.looker.seconds += EVERY


def test_who_records_steps_keeps_it_though_its_heartbeats_are_older() -> None:
    """Pushes of records count as heartbeats, so none is sent meanwhile."""
    farm = Farm()
    farm.owner.store.enqueue(job())
    attempt = farm.owner.claim()
    for number in range(6):
        assert seconds_until_taken(farm, IDLE, LEASE / 2) is None
        farm.owner.store.record(
            attempt, [began(attempt, f"s{number}"), ended(attempt, f"s{number}")]
        )


def test_fsck_tells_what_the_builder_says() -> None:
    farm = Farm()
    claimed(farm)
    snapshot = farm.looker.store.snapshot()

    def findings(told: Mapping[str, object], later: timedelta) -> list[str]:
        at = (farm.owner.wall.now + later).strftime("%Y-%m-%dT%H:%M:%SZ")
        data = json.dumps({**told, "timestamp": at}).encode()
        return [found.problem for found in check_denied(snapshot, {"build1": data})]

    minute = timedelta(minutes=1)
    assert findings(IDLE, minute) == [
        "coordination/jobs.json: job job_1 is running on build1, which says that it is idle"
    ]
    assert findings(IDLE, -minute) == [], "so it said before the claim"
    assert findings(building(), minute) == []
    assert not list(check_denied(snapshot, {"build1": b"{torn"}))
    assert not list(check_denied(snapshot, {}))
