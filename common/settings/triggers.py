"""What starts jobs of a pipeline by itself: `triggers:` of `pipelines.yaml`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo


class Supersede(StrEnum):
    """Which older jobs of the branch a push cancels."""

    NOTHING = "nothing"
    WAITING = "waiting"
    RUNNING = "running"
    """Those that run, and those that wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A branch or tag of the source that moves; `*` of a pattern also matches `/`."""

    branches: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    """Patterns of files, of which a push to a branch must change one; any when empty."""
    tags: tuple[str, ...] = ()
    supersede: Supersede = Supersede.NOTHING

    def takes_branch(self, name: str) -> bool:
        """Whether pushes to this branch count."""
        return _fits(name, self.branches)

    def takes_tag(self, name: str) -> bool:
        """Whether this tag counts."""
        return _fits(name, self.tags)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Times at which a branch is built."""

    cron: str
    timezone: str
    branch: str

    def __str__(self) -> str:
        return f"{self.cron} {self.timezone} {self.branch}"

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time after `moment`, UTC; None when there is none within years."""
        return self._first(moment, reverse=False)

    def last_until(self, moment: datetime) -> datetime | None:
        """The last time up to `moment`, UTC; None when there is none within years."""
        return self._first(moment.replace(microsecond=0) + timedelta(seconds=1), reverse=True)

    def _first(self, moment: datetime, *, reverse: bool) -> datetime | None:
        from cronsim import CronSim  # noqa: PLC0415 - most commands look at no schedule

        local = moment.astimezone(ZoneInfo(self.timezone))
        found = next(CronSim(self.cron, local, reverse=reverse), None)
        return found.astimezone(UTC) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggers:
    """The triggers of one pipeline."""

    push: Push | None = None
    schedules: tuple[Schedule, ...] = ()
    after: tuple[str, ...] = ()
    """Pipelines whose success starts a job for the same commit."""


def check_cron(text: str) -> str:
    """`text`, if it is a cron expression of five fields. Raises ValueError."""
    from cronsim import CronSim, CronSimError  # noqa: PLC0415 - see Schedule

    try:
        CronSim(text, datetime(2025, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(
            f"expected five fields of cron, like '0 3 * * MON-FRI', found '{text[:60]}'"
        ) from error
    if len(text.split()) != 5:  # noqa: PLR2004 - it knows seconds, which no builder keeps
        raise ValueError(f"expected five fields of cron, found '{text[:60]}'")
    return text


def check_timezone(text: str) -> str:
    """`text`, if it is the name of a time zone. Raises ValueError."""
    try:
        ZoneInfo(text)
    except (KeyError, OSError, ValueError) as error:  # also a name that is a folder
        raise ValueError(
            f"unknown time zone '{text[:60]}': use a name like Europe/Berlin or UTC"
        ) from error
    return text


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
