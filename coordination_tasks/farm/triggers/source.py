"""What the triggers require of a pipeline's source, as protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from common.settings.triggers import Triggers


class Refs(Protocol):
    """Branches and tags with the commits that they name."""

    @property
    def branches(self) -> Mapping[str, str]:
        """Commits by branch."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Commits by tag."""


class WatchedSource(Protocol):
    """The source of one pipeline with triggers."""

    @property
    def triggers(self) -> Triggers:
        """What starts jobs of the pipeline."""

    @property
    def repository(self) -> str:
        """Its address without credentials."""

    def refs(self) -> Refs:
        """Its branches and tags now. Raises ConnectionError."""

    def changes(self, since: str, until: str, patterns: Sequence[str]) -> bool | None:
        """Whether one of these files differs between two commits; None: unknown."""
