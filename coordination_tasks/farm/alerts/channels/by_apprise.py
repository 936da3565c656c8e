"""Mail, chat, webhooks and so on, by Apprise."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from coordination_tasks.farm.alerts.channels.failure import ChannelFailed
from coordination_tasks.farm.alerts.message import Message


@dataclass(frozen=True, slots=True)
class AppriseChannel:
    """An address of Apprise; it contains credentials, and appears in no text."""

    name: str
    address: str = field(repr=False)

    def send(self, message: Message) -> Mapping[str, str]:
        """See Channel."""
        import apprise  # noqa: PLC0415 - it takes longer than a command that shows the queue

        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it would name the address
        service = apprise.Apprise()
        if not service.add(self.address):
            raise ChannelFailed(self.name, "its secret is not an address of Apprise")
        if not service.notify(title=message.title, body=message.body):
            raise ChannelFailed(self.name, "the service did not take the message")
        return {}
