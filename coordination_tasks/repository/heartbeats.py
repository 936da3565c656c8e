"""The protocol of heartbeats: each builder has a place of its own, beside the store's facts.

Two implementations pass the same contract tests: one in memory, one on refs of a Git repository.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

AUTO_PREFIX = "heartbeat-"
FACTS = "main"
"""The place of the store itself, whose sign changes with every write."""


def own_place(builder: str) -> str:
    """The default place of a builder's heartbeats."""
    return AUTO_PREFIX + builder


class Heartbeats(Protocol):
    """Safe for several threads. All raise Unavailable or AccessDenied."""

    def beat(self, files: Mapping[str, bytes]) -> None:
        """Send a heartbeat: this builder's sign changes, and old ones leave nothing behind.

        `files` (path -> content) show what it does. Raises WriteRefused.
        """
        ...

    def signs(self, others: Collection[str] = ()) -> Mapping[str, str]:
        """The sign of each place: FACTS, all that start with AUTO_PREFIX, and `others`."""
        ...

    def read(self, paths: Mapping[str, str], signs: Mapping[str, str] = ...) -> Mapping[str, bytes]:
        """A file of the last heartbeat of each place; `paths` has the path of each.

        `signs` are the current ones: a heartbeat that was read before with the same sign is not
        fetched again.
        """
        ...
