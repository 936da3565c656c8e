"""How much of the disk a builder keeps, and how much has to be free."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from common.yaml.duration import Duration
from common.yaml.size import Size

_DAY = 86400.0
_GIB = 1024**3
DEFAULT_MIN_FREE = 2 * _GIB


class Limit(BaseModel):
    """Of things of one kind."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    age: Duration
    """Seconds since the last use after which one of them goes."""
    size: Size
    """Bytes that they may have together; the one that was not used for longest goes first."""


class WorkspacesLimit(Limit):
    """Of workspaces of jobs."""

    age: Duration = 30 * _DAY
    size: Size = 100 * _GIB


class MirrorsLimit(Limit):
    """Of mirrors of source repositories."""

    age: Duration = 180 * _DAY
    size: Size = 20 * _GIB


class LogsLimit(Limit):
    """Of logs that `doit housekeeping` packed."""

    age: Duration = 365 * _DAY
    size: Size = 5 * _GIB


class MavenLimit(Limit):
    """Of what Maven downloaded for all jobs."""

    age: Duration = 90 * _DAY
    size: Size = 20 * _GIB


class LimitsFile(BaseModel):
    """`limits` in `builder.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    workspaces: WorkspacesLimit = WorkspacesLimit()
    mirrors: MirrorsLimit = MirrorsLimit()
    logs: LogsLimit = LogsLimit()
    maven: MavenLimit = MavenLimit()

    def by_kind(self) -> Mapping[str, tuple[float, int]]:
        """Age in seconds and size in bytes, by kind."""
        found: dict[str, Limit] = dict(self)
        return {kind: (limit.age, limit.size) for kind, limit in found.items()}
