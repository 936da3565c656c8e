"""The farm as it is now, for commands that only read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.domain.errors import AccessDenied, CopyUnusable, Unavailable
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.farm.presence import overview
from coordination_tasks.farm.presence.observations import Observations, Presence
from coordination_tasks.farm.presence.overview import FarmOverview, read_overview
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.repository.protocol import VersionGone
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.wiring.clones import heartbeats, newest_snapshot, repository
from coordination_tasks.wiring.outage import Outage

_PATIENCE, _PATIENCE_AWAY = 15.0, 5.0
"""Seconds for a fetch whose result is known from an earlier one; the last one failed: less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The store, as far as it can be read."""

    snapshot: Snapshot
    outage: Outage | None
    """None: it is the newest version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveReading(Reading):
    """The store, for a command that goes on asking its remote."""

    config: BuilderConfig
    """With the patience for further questions to the remote."""
    again: Callable[[], Snapshot]
    """The newest store, later. Raises Unavailable."""


@contextmanager
def open_snapshot(config: BuilderConfig, notice: Callable[[str], None]) -> Iterator[Snapshot]:
    """The newest store of the farm that `config` names; readable until the end.

    Raises Unavailable. `notice` receives readable lines.
    """
    with repository(config) as clone:
        yield newest_snapshot(config, clone, notice)


@contextmanager
def open_known(config: BuilderConfig) -> Iterator[Snapshot | None]:
    """What this host read last, without asking the remote; None: nothing yet."""
    with repository(config) as clone:
        version = clone.known()
        yield None if version is None else Snapshot(clone, version)


@contextmanager
def open_reading(config: BuilderConfig, notice: Callable[[str], None]) -> Iterator[LiveReading]:
    """The store of the farm that `config` names; readable until the end.

    While the remote cannot be reached, it is what this host read last; raises Unavailable if it has
    never read it. `notice` receives readable lines.
    """
    hurried = _in_a_hurry(config)
    with repository(hurried) as clone:
        snapshot, outage = _read(config, clone, notice)
        yield LiveReading(
            snapshot=snapshot,
            outage=outage,
            config=_in_a_hurry(config) if outage else hurried,
            again=lambda: newest_snapshot(config, clone, notice),
        )


def _in_a_hurry(config: BuilderConfig) -> BuilderConfig:
    """Whoever looks has something to look at, and does not wait as long as one who writes."""
    with repository(config) as clone:
        known, away = clone.known(), clone.contact().unreachable_since
    patience = _PATIENCE_AWAY if away else _PATIENCE
    return replace(config, push_timeout=min(config.push_timeout, patience)) if known else config


def _read(
    config: BuilderConfig, clone: GitRepository, notice: Callable[[str], None]
) -> tuple[Snapshot, Outage | None]:
    try:
        return newest_snapshot(config, clone, notice), None
    except (AccessDenied, CopyUnusable, VersionGone):
        raise
    except Unavailable as error:
        version, contact = clone.known(), clone.contact()
        if version is None:
            raise
        since = contact.unreachable_since or utc_now()
        outage = Outage(as_of=contact.reached_at, since=since, cause=error.cause)
        return Snapshot(clone, version), outage


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
