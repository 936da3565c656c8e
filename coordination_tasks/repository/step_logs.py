"""The protocol of complete logs: each builder publishes its own, beside the store's facts.

Two implementations pass the same contract tests: one in memory, one on refs of a Git repository.
The last lines of running steps are shown by heartbeats.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from coordination_tasks.domain.step_log import LogLimits, PublishedLog


class StepLogs(Protocol):
    """Safe for several threads and processes. All raise CopyUnusable."""

    def keep(self, logs: Mapping[PublishedLog, bytes], limits: LogLimits, now: datetime) -> None:
        """Add logs of this builder, with their text, to those to publish; durable on this host.

        Removes those that exceed `limits`. Raises SecretFound.
        """
        ...

    def unsent(self) -> bool:
        """Whether something was kept that the others cannot read yet."""
        ...

    def send(self) -> None:
        """Publish everything that was kept. Raises Unavailable, AccessDenied, WriteRefused."""
        ...

    def published(self, builder: str) -> tuple[PublishedLog, ...]:
        """The logs that a builder has published, oldest first.

        While they cannot be asked for: those of the last call; raises Unavailable if there was
        none, and AccessDenied.
        """
        ...

    def text(self, builder: str, log: PublishedLog) -> bytes:
        """The text of one of `published`. Raises NotFound."""
        ...
