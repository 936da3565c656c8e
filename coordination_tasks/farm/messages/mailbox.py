"""A builder's messages: send, read, archive."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from coordination_tasks.documents.archive import archive_messages
from coordination_tasks.documents.messages import (
    Message,
    MessagesDocument,
    acknowledge,
    check_known,
    mark_read,
    post,
)
from coordination_tasks.documents.paths import MESSAGES
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.store import Store


class Mailbox:
    """The messages of the store's builder. Methods raise what a transaction raises.

    `clock` sets the time of sent messages.
    """

    def __init__(self, store: Store, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._clock = clock

    def send(
        self, to: str, subject: str, *, kind: str = "info", body: str = "", person: str = ""
    ) -> Message:
        """Send a message of `person` to a builder or `all`; returns it. Raises BadRequest."""
        message = Message(id="", sender="", to=to, type=kind, subject=subject, body=body, by=person)
        return self.send_to((to,), message)[0]

    def send_to(self, recipients: Sequence[str], message: Message) -> tuple[Message, ...]:
        """Send a message to each of these in one write; returns what was sent. Raises BadRequest.

        Id, sender, recipient and time of `message` are set here.
        """
        at = self._clock().replace(microsecond=0)
        sender = self._store.builder
        sent = tuple(
            replace(message, id=f"msg_{uuid.uuid4().hex}", sender=sender, to=to, at=at)
            for to in recipients
        )

        def post_all(draft: Draft) -> None:
            for each in sent:
                post(draft, each)

        self._store.change(post_all)
        return sent

    def acknowledge(self, ids: Sequence[str]) -> tuple[Message, ...]:
        """Acknowledge messages to this builder; returns those that awaited it.

        Raises NotFound, BadRequest when one asks for no acknowledgement.
        """
        return self._store.change(lambda draft: acknowledge(draft, ids, by=self._store.builder))

    def unread(self) -> tuple[Message, ...]:
        """The messages that this builder has not read yet, in the file's order."""
        builder = self._store.builder
        return tuple(m for m in self._store.snapshot().messages() if m.is_unread_by(builder))

    def mark_read(self, ids: Sequence[str] = ()) -> tuple[Message, ...]:
        """Mark these messages (none given: all) as read; returns those that were unread.

        Raises NotFound.
        """
        return self._store.change(lambda draft: mark_read(draft, ids, by=self._store.builder))

    def archive(self, ids: Sequence[str]) -> tuple[Message, ...]:
        """Archive messages to or from this builder now. Raises NotFound."""
        builder = self._store.builder

        def move(draft: Draft) -> tuple[Message, ...]:
            document = MessagesDocument(draft.read(MESSAGES))
            own = [
                (index, message)
                for index, _, message in document.entries
                if message.is_for(builder) or message.sender == builder
            ]
            check_known(ids, [message for _, message in own], builder)
            chosen = {index: message for index, message in own if message.id in ids}
            archive_messages(draft, document, chosen, now=self._clock())
            draft.note(f"{builder}: archive {len(chosen)} messages")
            return tuple(chosen.values())

        return self._store.change(move)
