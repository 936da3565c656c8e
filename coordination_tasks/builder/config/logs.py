"""How much of its logs a builder publishes: the key `logs` of `builder.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from common.records import key
from common.yaml.duration import parse_duration
from common.yaml.size import format_size, parse_size
from coordination_tasks.domain.step_log import LogLimits

_KIB, _MIB = 1024, 1024**2
_MOST_TAIL = 64 * _KIB
_MOST_FAILED = 1 * _MIB


def _size(most: int) -> Any:
    def parse(value: Any) -> int:
        size = parse_size(value)
        if size > most:
            raise ValueError(f"expected at most {format_size(most)}")
        return size

    return parse


@dataclass(frozen=True, slots=True, kw_only=True)
class LogsFile:
    """`logs` in `builder.yaml`; `docs/configuration.md` describes each key."""

    tail: int = key(_size(_MOST_TAIL), 4 * _KIB)
    each: int = key(_size(100 * _MIB), 4 * _MIB)
    size: int = key(_size(1024 * _MIB), 20 * _MIB)
    age: float = key(parse_duration, 14 * 86400.0)
    failed: int = key(_size(_MOST_FAILED), 64 * _KIB)

    def limits(self) -> LogLimits:
        """The settings as the rules use them."""
        return LogLimits(
            tail=self.tail,
            each=self.each,
            size=self.size,
            age=timedelta(seconds=self.age),
            failed=self.failed,
        )
