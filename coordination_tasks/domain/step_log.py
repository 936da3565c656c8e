"""Logs of steps as a builder publishes them: values, and which of them stay. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLimits:
    """How much of its logs a builder publishes; sizes in bytes, 0: nothing."""

    tail: int
    """Last output of each running step, with each heartbeat."""
    each: int
    """Text of one complete log; a longer one loses lines in its middle."""
    size: int
    """All complete logs together, compressed."""
    age: timedelta
    """Age of complete logs."""
    failed: int
    """Text of the failed steps of an attempt, on main."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLog:
    """One complete log among those that a builder has published."""

    job: str
    attempt: int
    step: str
    ended_at: datetime
    lines: int
    """Lines that the step wrote."""
    left_out: int = 0
    """How many of them are missing, replaced by one line."""
    size: int = 0
    """Bytes, compressed."""

    @property
    def key(self) -> tuple[str, int, str]:
        """Identifies the log."""
        return self.job, self.attempt, self.step


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTail:
    """The last lines of a running step."""

    step: str
    first_line: int
    """Number of the first of `lines`, from 1."""
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningLogs:
    """What a builder's last heartbeat shows of the steps that it runs."""

    job: str
    attempt: int
    at: datetime | None
    tails: tuple[LogTail, ...] = ()


def remaining(
    logs: Iterable[PublishedLog], limits: LogLimits, now: datetime
) -> tuple[PublishedLog, ...]:
    """The logs that stay, oldest first: all of them while they are within the limits.

    Otherwise the older half goes, by age or by size: each removal sends the others once more.
    """
    ordered = sorted(logs, key=lambda log: log.ended_at)
    oldest = now - limits.age
    if any(log.ended_at < oldest for log in ordered):
        ordered = [log for log in ordered if log.ended_at >= now - limits.age / 2]
    total = sum(log.size for log in ordered)
    if total <= limits.size:
        return tuple(ordered)
    for number, log in enumerate(ordered, 1):
        total -= log.size
        if total <= limits.size / 2:
            return tuple(ordered[number:])
    return ()
