"""The coordination store, for those who write to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.host_load import read_host_load
from coordination_tasks.repository.transaction import Pace
from coordination_tasks.store.store import Store
from coordination_tasks.wiring.clones import memory, repository


@contextmanager
def open_store(
    config: BuilderConfig,
    notice: Callable[[str], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
    restoring: bool = False,
) -> Iterator[Store]:
    """The store of the farm that `config` names; closed at the end. `sleep` may raise.

    `notice` takes lines for a person. `restoring`: see Store.
    """
    with repository(config) as clone:
        yield Store(
            clone,
            config.profile,
            pace=Pace(sleep=sleep),
            load=lambda: read_host_load(config.state_dir),
            notice=notice,
            memory=memory(config),
            restoring=restoring,
        )
