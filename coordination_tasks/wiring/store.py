"""The coordination store of this farm."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.host_load import read_host_load
from coordination_tasks.builder.push_budget import PushBudget
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.repository.transaction import Pace
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
