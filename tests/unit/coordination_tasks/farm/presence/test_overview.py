"""Who lives, as one machine saw: from look to look, and from process to process."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from coordination_tasks.documents.builder_status import (
    BUILDING,
    IDLE,
    BuilderStatus,
    StatusChange,
    status_data,
)
from coordination_tasks.domain.errors import NotDurable
from coordination_tasks.domain.model import BuilderProfile
from coordination_tasks.farm.presence.observations import (
    ALIVE,
    LONGEST_GAP,
    SILENT,
    UNKNOWN,
    Observations,
    Presence,
)
from coordination_tasks.farm.presence.overview import FarmOverview, is_late, read_overview
from coordination_tasks.repository.heartbeats import own_place
from coordination_tasks.repository.memory import MemoryHeartbeats, MemoryRemote, MemoryRepository
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store
from tests.support.coordination.world import NOON, PIPELINES, job

LEASE = 300.0


class World:
    """One machine that looks at a farm; each look is that of a new process."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "sightings.json"
        self.remote = MemoryRemote()
        self.seconds = 1000.0

    def store(self, name: str = "build1") -> Store:
        profile = BuilderProfile(id=name, heartbeats_at=own_place(name))
        return Store(MemoryRepository(self.remote), profile, clock=lambda: NOON)

    def beat(self, name: str = "build1", files: dict[str, bytes] | None = None) -> None:
        MemoryHeartbeats(self.remote, own_place(name)).beat(files or {})

    def write(self, path: str, text: bytes) -> None:
        repository = MemoryRepository(self.remote)
        repository.push_if_unchanged(repository.fetch(), {path: text}, "by another program")

    def snapshot(self) -> Snapshot:
        repository = MemoryRepository(self.remote)
        return Snapshot(repository, repository.fetch())

    def look(self, pass_seconds: float = 0) -> FarmOverview:
        self.seconds += pass_seconds
        observations = Observations(self.path, lease=LEASE, monotonic=lambda: self.seconds)
        return read_overview(
            self.snapshot(), MemoryHeartbeats(self.remote, "heartbeat-me"), observations
        )

    def liveness(self, name: str = "build1", pass_seconds: float = 0) -> str:
        farm = self.look(pass_seconds)
        snapshot = self.snapshot()
        published = snapshot.builder_status(name) if name in snapshot.builders() else None
        return farm.presence_of(farm.status_of(name, published), NOON).liveness


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "null",
        "[]",
        '{"looked_at": null, "boot": "", "builders": {}}',
        '{"looked_at": 1, "boot": 5, "builders": []}',
        '{"looked_at": 1, "boot": BOOT, "builders": {"build1": {"sign": "x", "since": "noon"}}}',
        '{"looked_at": 1, "boot": BOOT, "builders": {"build1": null}}',
    ],
)
def test_a_file_that_cannot_be_understood_is_as_none(world: World, content: str) -> None:
    boot = json.dumps(Path("/proc/sys/kernel/random/boot_id").read_text())
    world.path.write_text(content.replace("BOOT", boot))
    world.beat()
    assert world.liveness() == UNKNOWN
    world.beat()
    assert world.liveness(pass_seconds=20) == ALIVE


def test_a_first_look_cannot_tell_and_the_next_one_can(world: World) -> None:
    world.beat()
    assert world.liveness() == UNKNOWN
    assert world.liveness(pass_seconds=20) == UNKNOWN
    world.beat()
    assert world.liveness(pass_seconds=20) == ALIVE
    assert world.look(LEASE - 10).presences["build1"].still_for_seconds == LEASE - 10
    assert world.liveness() == ALIVE
    assert world.liveness(pass_seconds=20) == SILENT


def test_what_it_says_of_its_health_is_not_believed(world: World) -> None:
    said = {"server": "build1", "timestamp": "2025-07-29T12:00:00Z", "healthy": True}
    world.write("build1/heartbeat.json", json.dumps(said).encode())
    world.write("build1/status.json", b'{"status": "idle"}')
    assert world.liveness() == SILENT


@pytest.mark.parametrize("skew", [timedelta(minutes=-10), timedelta(), timedelta(minutes=10)])
def test_clocks_that_are_off_by_minutes_change_nothing(world: World, skew: timedelta) -> None:
    for number in range(3):
        at = (NOON + skew + timedelta(minutes=number)).isoformat()
        world.write("build1/heartbeat.json", json.dumps({"timestamp": at}).encode())
        world.write("build1/status.json", b'{"status": "idle"}')
        found = world.liveness(pass_seconds=60)
    assert found == ALIVE


def test_who_did_not_look_for_long_cannot_tell(world: World) -> None:
    world.beat()
    world.look()
    assert world.liveness(pass_seconds=LONGEST_GAP + 1) == UNKNOWN


def test_what_a_builder_publishes_moves_it(world: World) -> None:
    world.store().enqueue(job())
    world.write("build1/status.json", b'{"status": "idle"}')
    assert world.liveness() == UNKNOWN
    world.store().claim(claim_id="c", pipelines=PIPELINES)
    assert world.liveness(pass_seconds=30) == ALIVE


def test_what_others_do_to_its_job_does_not_move_it(world: World) -> None:
    world.store().enqueue(job())
    attempt = world.store().claim(claim_id="c", pipelines=PIPELINES)
    world.look()
    world.look(LEASE + 1)
    world.store("build2").reap("job_1", seen_token=attempt.token, reason="dead")
    assert world.liveness() == SILENT


def test_the_newest_that_a_builder_said_is_shown(world: World) -> None:
    profile = BuilderProfile(id="build1")

    def told(change: StatusChange, minutes: int) -> bytes:
        at = NOON + timedelta(minutes=minutes)
        return status_data(None, profile, change, now=at, load=None)

    building = StatusChange(status=BUILDING, current_job={"id": "job_1", "steps": ["maven"]})
    world.write("build1/status.json", told(StatusChange(status="success"), 5))
    published = world.snapshot().builder_status("build1")
    for minutes, shown in ((0, "success"), (9, BUILDING)):
        world.beat(files={"build1/status.json": told(building, minutes)})
        assert world.look().status_of("build1", published).status == shown
    world.beat("build2", {"build2/status.json": told(StatusChange(status=IDLE), 0)})
    farm = world.look()
    assert farm.names(("build1",)) == ("build1", "build2")
    assert farm.status_of("build2", None).status == IDLE
    assert farm.status_of("build3", None).status == "unknown"


def test_a_broken_queue_hides_no_builder(world: World) -> None:
    world.write("coordination/jobs.json", b"{")
    world.beat()
    assert set(world.look().presences) == {"build1"}


@pytest.mark.parametrize("left", ["", "{", '{"builders": [], "looked_at": 1}', '{"builders": {}}'])
def test_a_torn_file_is_begun_anew(world: World, left: str) -> None:
    world.path.write_text(left)
    world.beat()
    assert world.liveness() == UNKNOWN


def test_a_file_of_before_the_reboot_tells_nothing(world: World) -> None:
    world.beat()
    world.look()
    world.beat()
    world.seconds = 10
    assert world.liveness() == UNKNOWN


def test_a_file_of_another_boot_tells_nothing_though_its_times_would_fit(world: World) -> None:
    world.beat()
    world.look()
    world.beat()
    world.look()
    assert world.liveness() == ALIVE
    found = json.loads(world.path.read_text())
    world.path.write_text(json.dumps(found | {"boot": "another"}))
    assert world.liveness() == UNKNOWN


def test_a_file_that_cannot_be_written_is_told(world: World) -> None:
    world.path.with_suffix(".tmp").mkdir()
    with pytest.raises(NotDurable, match="sightings"):
        world.look()


@pytest.mark.parametrize(
    ("liveness", "still_for", "interval", "lease", "late"),
    [
        (ALIVE, 91.0, 30.0, None, True),
        (ALIVE, 90.0, 30.0, None, False),
        (ALIVE, 299.0, 240.0, None, False),
        (ALIVE, 301.0, 240.0, None, True),
        (ALIVE, 301.0, 240.0, 900.0, False),
        (ALIVE, 721.0, 240.0, 900.0, True),
        (ALIVE, 299.0, None, None, False),
        (SILENT, 400.0, 30.0, None, False),
        (UNKNOWN, 400.0, 30.0, None, False),
    ],
)
def test_late_is_three_of_its_own_intervals_at_most_the_lease(
    liveness: str, still_for: float, interval: float | None, lease: float | None, late: bool
) -> None:
    status = BuilderStatus(builder="b", status=IDLE, interval=interval, lease=lease)
    assert is_late(Presence(liveness, still_for), status, LEASE) is late


def test_the_interval_of_a_builder_is_that_of_its_last_heartbeat(world: World) -> None:
    profile = BuilderProfile(id="build1", heartbeats_at=own_place("build1"), lease=LEASE)
    world.store().publish_idle()
    change = StatusChange(status=IDLE, interval=60.0)
    beat = status_data(None, profile, change, now=NOON + timedelta(minutes=1), load=None)
    world.beat(files={"build1/status.json": beat})
    published = world.snapshot().builder_status("build1")
    assert published.interval is None
    assert world.look().status_of("build1", published).interval == 60.0
