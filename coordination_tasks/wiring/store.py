"""The coordination store, for those who write to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

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
    trailers: Mapping[str, str] = MappingProxyType({}),
    sleep: Callable[[float], None] = time.sleep,
    restoring: bool = False,
) -> Iterator[Store]:
    """The store of the farm that `config` names; closed at the end. `sleep` may raise.

    `notice` takes lines for a person. `trailers` name who acts, in each commit. `restoring`: see
    Store.
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
            trailers=trailers,
        )
