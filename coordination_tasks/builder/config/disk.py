"""How much disk space a builder may use, and how much must be free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from common.records import key, record
from common.yaml.duration import parse_duration
from common.yaml.size import parse_size

_DAY = 86400.0
_GIB = 1024**3
DEFAULT_MIN_FREE = 2 * _GIB


_LIMITS: Mapping[str, tuple[float, int]] = {
    "workspaces": (30 * _DAY, 100 * _GIB),
    "mirrors": (180 * _DAY, 20 * _GIB),
    "logs": (365 * _DAY, 5 * _GIB),
    "maven": (90 * _DAY, 20 * _GIB),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Limits for one kind of data; None: the default."""

    age: float | None = key(parse_duration, None)
    """Seconds since the last use after which an item is removed."""
    size: int | None = key(parse_size, None)
    """Bytes of all items together; the least recently used one is removed first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsFile:
    """`limits` in `builder.yaml`."""

    workspaces: Limit = key(record(Limit), factory=Limit)
    mirrors: Limit = key(record(Limit), factory=Limit)
    logs: Limit = key(record(Limit), factory=Limit)
    """Logs that `doit housekeeping` packed."""
    maven: Limit = key(record(Limit), factory=Limit)
    """Maven's downloads for all jobs."""

    def by_kind(self) -> Mapping[str, tuple[float, int]]:
        """Age in seconds and size in bytes, by kind."""
        return {
            kind: _filled(getattr(self, kind), age, size) for kind, (age, size) in _LIMITS.items()
        }


def _filled(limit: Limit, age: float, size: int) -> tuple[float, int]:
    return limit.age or age, size if limit.size is None else limit.size
