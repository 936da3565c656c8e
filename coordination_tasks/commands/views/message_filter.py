"""Which messages `doit messages` shows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from coordination_tasks.documents.messages import Message, check_known, thread_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """What the options select; without any, the unread messages of the builder."""

    ids: tuple[str, ...] = ()
    every: bool = False
    """Also read ones, and those to others."""
    unread: bool = False
    thread: str = ""
    """Id of a message: its conversation."""
    sender: str = ""
    """Builder or person."""
    since: datetime | None = None
    limit: int = 0
    """The last ones; 0: all."""

    def of(self, messages: Sequence[Message], builder: str) -> tuple[Message, ...]:
        """Those of `messages`, as `builder` sees them. Raises NotFound for an unknown id."""
        check_known((*self.ids, *filter(None, (self.thread,))), messages, "anybody")
        if self.ids:
            return tuple(message for message in messages if message.id in self.ids)
        only_unread = self.unread or not (self.every or self.thread)
        found = [
            message
            for message in (thread_of(messages, self.thread) if self.thread else messages)
            if (not only_unread or message.is_unread_by(builder))
            and (not self.sender or self.sender in {message.sender, message.by})
            and (self.since is None or (message.at is not None and message.at >= self.since))
        ]
        return tuple(found[-self.limit :] if self.limit else found)
