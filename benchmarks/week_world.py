"""What the builders of a simulated week have in common: time, a source, and a channel."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from common.settings.farm import ChannelEntry
from common.settings.triggers import Triggers
from coordination_tasks.farm.alerts.message import Message
from coordination_tasks.repository.memory import MemoryRemote
from coordination_tasks.repository.transaction import Pace


@dataclass
class Clock:
    """A wall clock and a monotonic one that move only when they are moved."""

    now: datetime = field(default_factory=lambda: datetime(2026, 1, 5, tzinfo=UTC))

    def __call__(self) -> datetime:
        """The wall clock."""
        return self.now

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return self.now.timestamp()

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.now += timedelta(seconds=seconds)

    @property
    def pace(self) -> Pace:
        """Of transactions."""
        return Pace(sleep=self.sleep, uniform=lambda _, most: most, monotonic=self.monotonic)


@dataclass
class Refs:
    """Branches of a source."""

    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Source:
    """The source of a pipeline with these triggers."""

    triggers: Triggers
    there: Refs
    repository: str = "/srv/source.git"

    def refs(self) -> Refs:
        """See WatchedSource."""
        return Refs(dict(self.there.branches))

    def changes(self, since: str, until: str, patterns: Sequence[str]) -> bool | None:
        """See WatchedSource."""
        raise AssertionError((since, until, patterns))


class Told:
    """A channel that writes down what it is told: key, kind and whether it is over."""

    def __init__(self) -> None:
        self.notices: list[tuple[str, str, bool]] = []
        self.messages = 0

    def open(self, name: str, entry: ChannelEntry) -> Told:  # noqa: ARG002 - as Channels
        """The one channel."""
        return self

    def send(self, message: Message) -> Mapping[str, str]:
        """See Channel."""
        self.messages += 1
        self.notices += [(each.key, each.alert.kind, each.is_over) for each in message.notices]
        return {}


@dataclass
class Shared:
    """What the builders of one farm have in common."""

    folder: Path
    remote: Path
    clock: Clock
    chance: random.Random
    refs: Refs = field(default_factory=Refs)
    beats: MemoryRemote = field(default_factory=MemoryRemote)
    told: Told = field(default_factory=Told)
