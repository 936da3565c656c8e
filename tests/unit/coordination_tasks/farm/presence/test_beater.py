"""When a builder shows that it lives, and when it need not."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from pathlib import Path

import pytest

from coordination_tasks.builder.push_budget import PushBudget
from coordination_tasks.documents.builder_status import BUILDING, IDLE, StatusChange
from coordination_tasks.domain.errors import WriteRefused
from coordination_tasks.domain.model import BuilderProfile
from coordination_tasks.farm.presence.beater import Beater
from coordination_tasks.repository.heartbeats import FACTS, Heartbeats, own_place
from coordination_tasks.repository.memory import MemoryHeartbeats, MemoryRemote
from tests.support.coordination.world import NOON

LEASE = 300.0
BUSY = StatusChange(status=BUILDING, current_job={"id": "job_1"})
WAITING = StatusChange(status=IDLE)


class Refusing(MemoryHeartbeats):
    def beat(self, files: object) -> None:
        raise WriteRefused("nobody may force a branch here")


class Host:
    """A builder whose seconds pass when somebody says so."""

    def __init__(self, folder: Path, place: str = own_place("build1")) -> None:
        self.seconds = 0.0
        self.facts = 0
        self.announced: list[float] = []
        self.remote = MemoryRemote()
        self.budget = PushBudget(folder / "pushes", 6, monotonic=lambda: self.seconds)
        self.place = place

    def beater(self, heartbeats: Heartbeats | None = None, main_every: float = math.inf) -> Beater:
        return Beater(
            BuilderProfile(id="build1", heartbeats_at=self.place, lease=LEASE),
            heartbeats or MemoryHeartbeats(self.remote, self.place),
            self.budget,
            on_facts=self.beat_on_facts,
            main_every=lambda: main_every,
            announce=lambda: self.announced.append(self.seconds),
            load=lambda: None,
            clock=lambda: NOON + timedelta(seconds=self.seconds),
            monotonic=lambda: self.seconds,
        )

    def beat_on_facts(self) -> None:
        self.facts += 1

    @property
    def beats(self) -> int:
        return self.remote.beats.get(self.place, (0, {}))[0]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.mark.parametrize(("interval", "an_hour"), [(30, 120), (60, 60), (300, 12)])
def test_how_often(host: Host, interval: float, an_hour: int) -> None:
    beater = host.beater()
    while host.seconds < 3600:
        beater.beat_if_due(interval, WAITING)
        host.seconds += 10
    assert host.beats == an_hour


def test_beside_old_programs_it_also_beats_on_main_every_4_minutes(host: Host) -> None:
    beater = host.beater(main_every=240)
    while host.seconds < 3600:
        beater.beat_if_due(60, WAITING)
        host.seconds += 10
    assert (host.announced, host.facts) == ([0], 14)
    assert 40 <= host.beats <= 60


def test_a_claim_was_a_beat_on_main(host: Host) -> None:
    beater = host.beater(main_every=240)
    beater.count(on_facts=True)
    host.seconds = 230
    beater.beat_if_due(30, BUSY)
    assert host.announced == []


def test_whatever_else_is_pushed_counts(host: Host) -> None:
    beater = host.beater()
    for _ in range(10):
        beater.count()
        host.seconds += 20
        beater.beat_if_due(30, BUSY)
    assert host.beats == 0
    host.seconds += 10
    beater.beat_if_due(30, BUSY)
    assert host.beats == 1


def test_without_room_in_the_budget_it_waits(host: Host) -> None:
    beater = host.beater()
    for _ in range(6):
        host.budget.spend()
    beater.beat_if_due(30, BUSY)
    assert host.beats == 0
    host.seconds += 60
    beater.beat_if_due(30, BUSY)
    assert host.beats == 1


def test_the_budget_costs_nobody_its_job(host: Host) -> None:
    beater = host.beater()
    beater.count()
    at = []
    while host.seconds < LEASE:
        host.budget.spend()
        host.seconds += 5
        before = host.beats
        beater.beat_if_due(30, BUSY)
        at += [host.seconds] * (host.beats - before)
    assert at == [LEASE / 2 + 5]


def test_what_it_tells_is_in_the_reference_format_and_changes_with_the_status(host: Host) -> None:
    beater = host.beater()
    beater.beat_if_due(30, WAITING)
    first = host.remote.beats[host.place][1]
    host.seconds += 30
    beater.beat_if_due(30, BUSY)
    files = host.remote.beats[host.place][1]
    assert set(first) == {"build1/status.json", "build1/heartbeat.json"}
    assert json.loads(first["build1/status.json"])["status"] == "idle"
    assert json.loads(files["build1/status.json"])["current_job"] == {"id": "job_1"}
    assert json.loads(files["build1/heartbeat.json"]) == {
        "server": "build1",
        "timestamp": "2025-10-29T12:00:30Z",
        "uptime_seconds": 0,
        "healthy": True,
    }


def test_each_beat_tells_its_own_time_and_the_status_that_of_its_change(host: Host) -> None:
    beater = host.beater()
    for _ in range(3):
        beater.beat_if_due(30, WAITING)
        host.seconds += 30
    files = host.remote.beats[host.place][1]
    assert json.loads(files["build1/heartbeat.json"])["timestamp"] == "2025-10-29T12:01:00Z"
    assert json.loads(files["build1/status.json"])["timestamp"] == "2025-10-29T12:00:00Z"


def test_beats_among_the_facts_when_configured(tmp_path: Path) -> None:
    host = Host(tmp_path, place=FACTS)
    host.beater().beat_if_due(30, BUSY)
    assert (host.facts, host.beats) == (1, 0)


def test_a_remote_that_refuses_the_branch_gets_them_among_the_facts_and_is_told_once(
    host: Host,
) -> None:
    beater = host.beater(Refusing(host.remote, host.place))
    with pytest.raises(WriteRefused):
        beater.beat_if_due(30, BUSY)
    assert host.facts == 1
    host.seconds += 30
    beater.beat_if_due(30, BUSY)
    assert host.facts == 2


def test_a_heartbeat_says_how_often_it_is_sent(host: Host) -> None:
    beater = host.beater()
    beater.beat_if_due(30, BUSY)
    host.seconds += 600
    beater.beat_if_due(240, WAITING)
    status = json.loads(host.remote.beats[host.place][1]["build1/status.json"])
    assert status["heartbeat"] == {
        "branch": host.place, "lease_seconds": LEASE, "interval_seconds": 240,
    }  # fmt: skip
