"""Whether the disk has room for a job."""

from __future__ import annotations

import shutil

from common.yaml.size import format_size
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.domain.errors import NothingToClaim


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
