"""Puts together what a process needs to show that its builder lives, and to watch the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.host_load import read_host_load
from coordination_tasks.builder.push_budget import PushBudget
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.farm.presence.beater import Beater
from coordination_tasks.farm.presence.observer import Observer
from coordination_tasks.farm.presence.overview import LiveFarm, look_around
from coordination_tasks.farm.presence.sightings import Sightings
from coordination_tasks.repository.git.heartbeats import GitHeartbeats
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.repository.transaction import Pace
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store


def push_budget(config: BuilderConfig) -> PushBudget:
    """The budget that all processes of the builder share."""
    return PushBudget(config.state_dir / "pushes.json", config.pushes_per_minute)


@contextmanager
def open_store(
    config: BuilderConfig,
    notice: Callable[[str], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Store]:
    """The store of the farm that `config` names; closed at the end. `sleep` may raise."""
    config.state_dir.mkdir(parents=True, exist_ok=True)
    repository = GitRepository(
        config.coordination_repository,
        config.state_dir / "coordination",
        author=config.profile.id,
        timeout=config.push_timeout,
        on_push=push_budget(config).spend,
    )
    with repository:
        yield Store(
            repository,
            config.profile,
            pace=Pace(sleep=sleep),
            load=lambda: read_host_load(config.state_dir),
            notice=notice,
        )


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


def beater(config: BuilderConfig, store: Store) -> Beater:
    """What shows that this builder lives."""
    return Beater(
        config.profile,
        heartbeats(config),
        push_budget(config),
        on_facts=store.beat,
        load=lambda: read_host_load(config.state_dir),
        clock=utc_now,
        monotonic=time.monotonic,
    )


def observer(config: BuilderConfig, store: Store, notice: Callable[[str], None]) -> Observer:
    """What watches the other builders."""
    return Observer(
        store,
        heartbeats(config),
        lease=config.lease,
        monotonic=time.monotonic,
        notice=notice,
        seen=sightings(config).look,
    )


def sightings(config: BuilderConfig) -> Sightings:
    """What this machine saw of all builders."""
    path = config.state_dir / "sightings.json"
    return Sightings(path, lease=config.lease, monotonic=time.monotonic)


def live_farm(config: BuilderConfig, snapshot: Snapshot) -> LiveFarm:
    """The builders as they are now, beside what the store holds."""
    return look_around(snapshot, heartbeats(config), sightings(config))
