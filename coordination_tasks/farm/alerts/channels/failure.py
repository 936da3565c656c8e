"""The error that all channels share."""

from __future__ import annotations

from coordination_tasks.domain.errors import CoordinationError


class ChannelFailed(CoordinationError):
    """A channel did not take a message; the text has no secret."""

    def __init__(self, channel: str, why: str) -> None:
        super().__init__(f"channel {channel}: {why}")
