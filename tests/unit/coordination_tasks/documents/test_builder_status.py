"""status.json and heartbeat.json: the reference's format, and what others added to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coordination_tasks.builder.host_load import read_host_load
from coordination_tasks.documents.builder_status import (
    HostLoad,
    StatusChange,
    heartbeat_data,
    read_status,
    status_data,
)
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import BuilderProfile
from tests.support.coordination.world import NOON

PROFILE = BuilderProfile(id="build1", ip="10.0.0.1", manager="Ann", labels={"jdk": "17"})
LOAD = HostLoad(cpu_usage=12.5, memory_used_gb=3.0, disk_free_gb=80.0, uptime_seconds=77)


def test_a_first_status_has_the_keys_of_the_reference() -> None:
    data = status_data(None, PROFILE, StatusChange(status="idle"), now=NOON, load=LOAD)

    assert json.loads(data) == {
        "server": "build1",
        "ip": "10.0.0.1",
        "manager": "Ann",
        "timestamp": "2025-10-29T12:00:00Z",
        "status": "idle",
        "current_job": None,
        "last_build": None,
        "system": {"cpu_usage": 12.5, "memory_used_gb": 3.0, "disk_free_gb": 80.0},
        "labels": {"jdk": "17"},
    }
    assert data.decode() == json.dumps(json.loads(data), indent=2) + "\n"


def test_a_first_heartbeat_has_the_keys_of_the_reference() -> None:
    assert json.loads(heartbeat_data(None, PROFILE, now=NOON, load=LOAD)) == {
        "server": "build1",
        "timestamp": "2025-10-29T12:00:00Z",
        "uptime_seconds": 77,
        "healthy": True,
    }


def test_what_others_added_stays_in_its_place() -> None:
    old = b'{"last_activity":"x","uptime_seconds":5,"status":"up"}'

    data = heartbeat_data(old, PROFILE, now=NOON, load=LOAD)

    assert data.startswith(b'{"last_activity":"x","uptime_seconds":77,"status":"up"')


def test_the_last_build_stays_while_the_next_one_runs() -> None:
    old = b'{"last_build": {"id": "a"}, "manager": "Bob"}'

    data = status_data(
        old,
        BuilderProfile(id="build1"),
        StatusChange(status="building", current_job={"id": "b"}),
        now=NOON,
        load=None,
    )

    found = json.loads(data)
    assert (found["last_build"], found["current_job"]) == ({"id": "a"}, {"id": "b"})
    assert found["manager"] == "Bob"


def test_a_status_is_read_tolerantly() -> None:
    status = read_status("build1", b'{"current_job": 7, "timestamp": "2025-11-04 20:45"}', b"{")

    assert (status.status, status.current_job, status.heartbeat_at) == ("unknown", None, None)
    assert status.timestamp is not None


@pytest.mark.parametrize("data", [b"[]", b"{", b"\xff"])
def test_a_broken_status_is_named(data: bytes) -> None:
    with pytest.raises(BrokenDocument, match=r"build1/status\.json"):
        read_status("build1", data, None)


def test_a_lease_that_cannot_be_is_none() -> None:
    for lease in (10**400, -1, 0, True, "300"):
        data = json.dumps({"heartbeat": {"lease_seconds": lease}}).encode()
        assert read_status("build1", data, None).lease is None


def test_the_load_of_this_host(tmp_path: Path) -> None:
    load = read_host_load(tmp_path)

    assert 0 <= load.cpu_usage <= 100
    assert load.memory_used_gb > 0
    assert load.disk_free_gb > 0
    assert load.uptime_seconds > 0
