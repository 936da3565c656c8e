"""The heartbeats of this farm, and what was seen of its builders."""

from __future__ import annotations

import time

from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.farm.presence.observations import Observations
from coordination_tasks.farm.presence.overview import FarmOverview, read_overview
from coordination_tasks.repository.git.heartbeats import GitHeartbeats
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.wiring.store import push_budget


def heartbeats(config: BuilderConfig) -> GitHeartbeats:
    """The heartbeats of the farm."""
    return GitHeartbeats(
        config.coordination_repository,
        config.state_dir / "heartbeats.git",
        builder=config.profile.id,
        branch=config.heartbeat.place,
        timeout=config.push_timeout,
        on_push=push_budget(config).spend,
    )


def observations(config: BuilderConfig) -> Observations:
    """What this machine saw of all builders."""
    path = config.state_dir / "sightings.json"  # an upgraded builder goes on from what it saw
    return Observations(path, lease=config.lease, monotonic=time.monotonic)


def farm_overview(config: BuilderConfig, snapshot: Snapshot) -> FarmOverview:
    """The builders as they are now, beside what the store holds."""
    return read_overview(snapshot, heartbeats(config), observations(config))
