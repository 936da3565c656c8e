"""The farm as it is now, for commands that only read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.farm.presence import overview
from coordination_tasks.farm.presence.observations import Observations, Presence
from coordination_tasks.farm.presence.overview import FarmOverview, read_overview
from coordination_tasks.store.newest import newest_snapshot
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.wiring.clones import heartbeats, repository


@contextmanager
def open_snapshot(config: BuilderConfig, notice: Callable[[str], None]) -> Iterator[Snapshot]:
    """The store of the farm that `config` names; readable until the end.

    `notice` receives readable lines.
    """
    with repository(config) as clone:
        yield newest_snapshot(clone, notice)


def observations(config: BuilderConfig) -> Observations:
    """The observations of all builders by this machine."""
    path = config.state_dir / "sightings.json"
    return Observations(path, lease=config.lease, monotonic=time.monotonic)


def find_presences(config: BuilderConfig, snapshot: Snapshot) -> Mapping[str, Presence]:
    """Whether each builder is alive now."""
    return overview.find_presences(snapshot, heartbeats(config), observations(config))


def farm_overview(config: BuilderConfig, snapshot: Snapshot) -> FarmOverview:
    """The builders as they are now, besides their published status."""
    return read_overview(snapshot, heartbeats(config), observations(config))
