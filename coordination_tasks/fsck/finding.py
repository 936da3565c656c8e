"""One thing that is wrong in the coordination repository, as `doit fsck` tells it."""

from __future__ import annotations

from dataclasses import dataclass

from coordination_tasks.repository.protocol import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong, where, and what a person can do."""

    path: str
    """Of the document; `outbox` for what lies on this builder only."""
    problem: str
    remedy: str
    last_good: Version | None = None
    """The newest version in which the document can be read; None when it is one entry only."""
