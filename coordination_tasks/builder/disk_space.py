"""Whether the disk has room for a job, and for its end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from common.yaml.size import format_size
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.domain.errors import NothingToClaim

_RESERVE = 1_000_000
"""Bytes: an end needs some 100 KB of the outbox, and a few small files of the clone."""


@contextmanager
def reserved_space(state_dir: Path) -> Iterator[None]:
    """Keep space for what follows this context, however full the disk gets in it.

    Without it a build that fills the disk could not even give its job back.
    """
    path = state_dir / "reserved-space"
    with suppress(OSError):  # it is full already
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, _RESERVE)
        finally:
            os.close(descriptor)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def lacking_space(config: BuilderConfig) -> str:
    """Why no job may be claimed for lack of disk space; "" when there is enough."""
    free = shutil.disk_usage(config.state_dir).free
    if free >= config.min_free:
        return ""
    return (
        f"only {format_size(free)} free in {config.state_dir} (min_free is"
        f" {format_size(config.min_free)}). `doit clean-workspaces` shows what can be removed."
    )


def check_free_space(config: BuilderConfig) -> None:
    """Raise NothingToClaim when there is no room for a job."""
    lack = lacking_space(config)
    if lack:
        raise NothingToClaim(f"claimed no job: {lack}")
