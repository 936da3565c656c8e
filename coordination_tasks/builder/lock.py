"""The folder of a builder on its machine, and its locks.

One `doit build`, or whoever watches while none runs.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.file_lock import file_lock, file_lock_if_free
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.domain.errors import Conflict, NothingToClaim

_OWNER_ALONE = 0o700


def make_state_dir(config: BuilderConfig) -> None:
    """Make the folder of the builder's state, for nobody but its user. Raises OSError.

    Logs, values of steps and trees are in it. Not by a umask, since that also decides about modes
    inside packages.
    """
    config.state_dir.mkdir(parents=True, exist_ok=True, mode=_OWNER_ALONE)
    if stat.S_IMODE(config.state_dir.stat().st_mode) != _OWNER_ALONE:
        config.state_dir.chmod(_OWNER_ALONE)


@contextmanager
def builder_lock(config: BuilderConfig) -> Iterator[None]:
    """One `doit build` per builder at a time. Raises NothingToClaim when another one is running.

    Waits while a `doit watch` cleans up after a killed build.
    """
    try:
        with _lock(config, "build"), _lock(config, "attempt", wait=True):
            yield
    except _Taken as error:
        raise NothingToClaim(
            f"another doit build is running as builder {config.profile.id} on this machine."
            " Wait for it, or use another --builder."
        ) from error


@contextmanager
def acting_lock(config: BuilderConfig) -> Iterator[None]:
    """Protects changes of job records from a concurrent `doit build`.

    Raises Conflict when one is running; one that starts waits until this is released.
    """
    with while_idle(config) as idle:
        if not idle:
            raise Conflict(
                f"a doit build is running as builder {config.profile.id} on this machine."
                " Wait for it."
            )
        yield


@contextmanager
def watch_lock(config: BuilderConfig) -> Iterator[None]:
    """One `doit watch` or `doit work` per builder. Raises Conflict when another one is running."""
    try:
        with _lock(config, "watch"):
            yield
    except _Taken as error:
        raise Conflict(
            f"another doit watch or doit work is running as builder {config.profile.id}"
            " on this machine"
        ) from error


@contextmanager
def while_idle(config: BuilderConfig) -> Iterator[bool]:
    """Whether no `doit build` of this builder is running; if so, none starts until released."""
    try:
        with _lock(config, "attempt"):
            yield True
    except _Taken:
        yield False


class _Taken(Exception):
    """Another process holds the lock."""


@contextmanager
def _lock(config: BuilderConfig, name: str, *, wait: bool = False) -> Iterator[None]:
    make_state_dir(config)
    with _held(config.state_dir / f"{name}.lock", wait=wait) as is_ours:
        if not is_ours:
            raise _Taken
        yield


@contextmanager
def _held(path: Path, *, wait: bool) -> Iterator[bool]:
    if wait:
        with file_lock(path):
            yield True
    else:
        with file_lock_if_free(path) as is_ours:
            yield is_ours
