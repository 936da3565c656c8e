"""The protocol of marks: names that versions keep, which a write gives them.

Two implementations pass the same contract tests: one in memory, one on tags of a Git repository.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from coordination_tasks.repository.protocol import Version


@dataclass(frozen=True, slots=True)
class Marked:
    """A version with a name."""

    name: str
    text: str
    version: Version


class Marks(Protocol):
    """All raise Unavailable or AccessDenied."""

    def named(self, prefix: str) -> tuple[Marked, ...]:
        """The marks whose names start with `prefix`, sorted by name."""
        ...

    def remove(self, names: Collection[str]) -> None:
        """Remove marks; their versions stay. Raises WriteRefused."""
        ...
