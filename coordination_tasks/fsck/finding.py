"""One problem in the coordination repository, as `doit fsck` reports it."""

from __future__ import annotations

from dataclasses import dataclass

from coordination_tasks.repository.protocol import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem, its place, and its remedy."""

    path: str
    """Path of the document; `outbox` for problems of this builder only."""
    problem: str
    remedy: str
    last_good: Version | None = None
    """The newest version in which the document is readable; None for a single entry."""
