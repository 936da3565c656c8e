"""What signs of life need: a place of each builder's own, beside the facts of the store.

Two implementations pass the same contract tests: one in memory, one on refs of a Git repository.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

AUTO_PREFIX = "heartbeat-"
FACTS = "main"
"""The place of the store itself, whose sign changes with each write of anybody."""


def own_place(builder: str) -> str:
    """Where a builder's heartbeats go unless it is told otherwise."""
    return AUTO_PREFIX + builder


class Heartbeats(Protocol):
    """Safe for several threads. All raise Unavailable or AccessDenied."""

    def beat(self, files: Mapping[str, bytes]) -> None:
        """Show that this builder lives: its sign changes, and nothing of it stays behind.

        `files` (path -> content) tell what it does. Raises WriteRefused.
        """
        ...

    def signs(self, others: Collection[str] = ()) -> Mapping[str, str]:
        """The sign of each place: FACTS, all that start with AUTO_PREFIX, and `others`."""
        ...

    def read(self, paths: Mapping[str, str], signs: Mapping[str, str] = ...) -> Mapping[str, bytes]:
        """What the last heartbeat at each place told in a file; `paths` has the file of each.

        `signs` are those that were seen just now: a heartbeat that was read before with the same
        sign is not asked for again.
        """
        ...
