"""Who acts for a builder on its machine: one `doit build`, or while none runs, its `doit watch`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.file_lock import file_lock, file_lock_if_free
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.domain.errors import Conflict, NothingToClaim


@contextmanager
def builder_lock(config: BuilderConfig) -> Iterator[None]:
    """One `doit build` for each builder at a time. Raises NothingToClaim when another runs.

    Waits while a `doit watch` cares for what a killed build left behind.
    """
    try:
        with _lock(config, "build"), _lock(config, "attempt", wait=True):
            yield
    except _Taken as error:
        raise NothingToClaim(
            f"another doit build runs as builder {config.profile.id} on this machine; "
            "wait for it, or use another --builder"
        ) from error


@contextmanager
def acting_lock(config: BuilderConfig) -> Iterator[None]:
    """For what changes the records of jobs: no `doit build` uses them meanwhile.

    Raises Conflict when one runs; one that begins waits for the end of this.
    """
    with while_idle(config) as idle:
        if not idle:
            raise Conflict(
                f"a doit build runs as builder {config.profile.id} on this machine: wait for it"
            )
        yield


@contextmanager
def watch_lock(config: BuilderConfig) -> Iterator[None]:
    """One `doit watch` for each builder at a time. Raises Conflict when another runs."""
    try:
        with _lock(config, "watch"):
            yield
    except _Taken as error:
        raise Conflict(
            f"another doit watch runs as builder {config.profile.id} on this machine"
        ) from error


@contextmanager
def while_idle(config: BuilderConfig) -> Iterator[bool]:
    """Whether no `doit build` of this builder runs; if so, none begins before the end of this."""
    try:
        with _lock(config, "attempt"):
            yield True
    except _Taken:
        yield False


class _Taken(Exception):
    """Somebody else holds the lock."""


@contextmanager
def _lock(config: BuilderConfig, name: str, *, wait: bool = False) -> Iterator[None]:
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
