"""Messages in the coordination repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from coordination_tasks.documents.messages import LONGEST_BODY, LONGEST_SUBJECT
from coordination_tasks.farm.alerts.message import Message
from coordination_tasks.farm.messages.mailbox import Mailbox


@dataclass(frozen=True, slots=True)
class MessagesChannel:
    """A builder, or all."""

    name: str
    to: str
    mailbox: Mailbox

    def send(self, message: Message) -> Mapping[str, str]:
        """See Channel."""
        is_bad = any(not notice.is_over for notice in message.notices)
        self.mailbox.send(
            self.to,
            message.title[:LONGEST_SUBJECT],
            kind="warning" if is_bad else "info",
            body=message.body[:LONGEST_BODY],
        )
        return {}
