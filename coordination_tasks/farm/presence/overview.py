"""The builders as they are now: published status, heartbeats, and which are alive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from coordination_tasks.documents.builder_status import BuilderStatus, read_status
from coordination_tasks.documents.paths import status_path
from coordination_tasks.farm.presence.observations import (
    ALIVE,
    SILENT,
    UNKNOWN,
    Observations,
    Presence,
    builder_places,
)
from coordination_tasks.repository.heartbeats import Heartbeats
from coordination_tasks.store.snapshot import Snapshot

BEYOND_CLOCK_ERROR = timedelta(hours=1)
"""No clock is off by more: a builder whose heartbeats have an older time is silent."""


@dataclass(frozen=True, slots=True)
class FarmOverview:
    """What was observed besides the store, by builder."""

    presences: Mapping[str, Presence]
    told: Mapping[str, bytes]
    """The content of status.json in the heartbeats."""

    def names(self, published: tuple[str, ...]) -> tuple[str, ...]:
        """All builders, including those that never published anything."""
        return tuple(sorted({*published, *self.presences}))

    def status_of(self, builder: str, published: BuilderStatus | None) -> BuilderStatus:
        """The newest status of the builder, by its own clock. Raises BrokenDocument."""
        data = self.told.get(builder)
        if data is None:
            return published or BuilderStatus(builder=builder, status="unknown")
        told = read_status(builder, data, None)
        if published is None:
            return told
        if not told.timestamp or (published.timestamp and published.timestamp > told.timestamp):
            return published
        return replace(
            published, status=told.status, current_job=told.current_job, interval=told.interval
        )

    def presence_of(self, status: BuilderStatus, now: datetime) -> Presence:
        """Whether a builder is alive; `healthy: true` is ignored."""
        presence = self.presences.get(status.builder, Presence(UNKNOWN, 0.0))
        if presence.liveness != UNKNOWN or status.builder in self.told or not status.heartbeat_at:
            return presence
        age = now - status.heartbeat_at
        return Presence(SILENT, age.total_seconds()) if age > BEYOND_CLOCK_ERROR else presence


def is_late(presence: Presence, status: BuilderStatus, lease: float) -> bool:
    """Whether heartbeats of a living builder are overdue: none for three of its own intervals.

    Or for its lease, which is `lease` (seconds) if it publishes none.
    """
    if presence.liveness != ALIVE or status.interval is None:
        return False
    return presence.still_for_seconds > min(3 * status.interval, status.lease or lease)


def find_presences(
    snapshot: Snapshot, heartbeats: Heartbeats, observations: Observations
) -> Mapping[str, Presence]:
    """Whether each builder is alive, without its status. Raises as read_overview."""
    return _look(snapshot, heartbeats, observations)[1]


def read_overview(
    snapshot: Snapshot, heartbeats: Heartbeats, observations: Observations
) -> FarmOverview:
    """Observe all builders once. Raises Unavailable, NotDurable, BrokenDocument."""
    signs, presences = _look(snapshot, heartbeats, observations)
    beating = {
        name: place for name, place in builder_places(snapshot, signs).items() if place in signs
    }
    paths = {place: status_path(name) for name, place in beating.items()}
    files = heartbeats.read(paths, signs)
    return FarmOverview(
        presences, {n: files[place] for n, place in beating.items() if place in files}
    )


def _look(
    snapshot: Snapshot, heartbeats: Heartbeats, observations: Observations
) -> tuple[Mapping[str, str], Mapping[str, Presence]]:
    signs = heartbeats.signs(_other_places(snapshot))
    return signs, observations.look(snapshot, signs)


def _other_places(snapshot: Snapshot) -> set[str]:
    return set(builder_places(snapshot, {}).values())
