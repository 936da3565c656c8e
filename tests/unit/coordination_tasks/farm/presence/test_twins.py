"""Two hosts with one builder id: both are told, and nobody else is."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from coordination_tasks.documents.builder_status import IDLE, StatusChange, status_data
from coordination_tasks.documents.paths import status_path
from coordination_tasks.domain.errors import Unavailable
from coordination_tasks.domain.model import BuilderProfile
from coordination_tasks.farm.presence.twins import Twins
from coordination_tasks.repository.memory import MemoryHeartbeats, MemoryRemote
from tests.support.coordination.world import NOON

PLACE = "heartbeat-build1"


class Host:
    """One host that calls itself build1."""

    def __init__(self, remote: MemoryRemote, instance: str) -> None:
        self.profile = BuilderProfile(id="build1", heartbeats_at=PLACE, instance=instance)
        self.heartbeats = MemoryHeartbeats(remote, PLACE)
        self.told: list[str] = []
        self.twins = Twins(self.profile, self.heartbeats, self.told.append)

    def beat(self) -> None:
        change = StatusChange(status=IDLE)
        data = status_data(None, self.profile, change, now=NOON, load=None)
        self.heartbeats.beat({status_path("build1"): data})

    def look(self) -> None:
        self.twins.look(self.heartbeats.signs())


def test_both_hosts_are_told_once() -> None:
    remote = MemoryRemote()
    hosts = Host(remote, "one"), Host(remote, "two")
    for _ in range(4):
        for host in hosts:
            host.beat()
            for each in hosts:
                each.look()
    words = "another host sends heartbeats as builder build1"
    assert [words in line for host in hosts for line in host.told] == [True, True]


def test_the_last_heartbeat_of_a_lost_state_dir_is_no_twin() -> None:
    remote = MemoryRemote()
    Host(remote, "lost").beat()
    host = Host(remote, "new")
    for _ in range(3):
        host.look()
        host.beat()
    host.look()
    assert host.told == []


@pytest.mark.parametrize("instance", ["", "one"])
def test_our_own_heartbeats_and_those_of_the_last_release_say_nothing(instance: str) -> None:
    remote = MemoryRemote()
    other, host = Host(remote, instance), Host(remote, "one")
    for _ in range(3):
        other.beat()
        host.look()
    assert host.told == []


def test_what_cannot_be_read_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    remote = MemoryRemote()
    other, host = Host(remote, "two"), Host(remote, "one")

    def no_answer(*_: object) -> Mapping[str, bytes]:
        raise Unavailable("no route")

    other.beat()
    with monkeypatch.context() as context:
        context.setattr(host.heartbeats, "read", no_answer)
        host.look()
    host.look()
    other.heartbeats.beat({status_path("build1"): b"{torn"})
    host.look()
    other.heartbeats.beat({status_path("build1"): json.dumps({"heartbeat": {}}).encode()})
    host.look()
    assert host.told == []
    other.beat()
    host.look()
    assert len(host.told) == 1
