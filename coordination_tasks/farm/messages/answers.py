"""Rules of farm.yaml by which a builder answers messages itself, in the turns of its watch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from common.errors import one_line
from common.settings.farm import AnswerEntry
from coordination_tasks.documents.builder_status import BUILDING, IDLE, read_status
from coordination_tasks.documents.messages import (
    LONGEST_BODY,
    LONGEST_SUBJECT,
    Message,
    MessagesDocument,
    acknowledge,
    mark_read,
    post,
)
from coordination_tasks.documents.paths import MESSAGES, status_path
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import is_builder_id
from coordination_tasks.domain.secret_scan import withhold
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store

Rules = Mapping[str, AnswerEntry]
_MOST = 20
"""Answers in one write; the others follow in the next turn."""


@dataclass(kw_only=True)
class Answers:
    """Answers the messages to one builder. `has_room`: the push budget allows a write now."""

    builder: str
    store: Store
    snapshot: Callable[[], Snapshot | None]
    """The store at the last check."""
    rules: Callable[[], Rules]
    has_room: Callable[[], bool]
    clock: Callable[[], datetime]
    notice: Callable[[str], None]
    _looked_at: str = field(init=False, default="")

    def run_due(self) -> None:
        """Answer what is new. Raises ApplicationError."""
        snapshot = self.snapshot()
        if snapshot is None or snapshot.version == self._looked_at:
            return
        rules = self.rules()
        if rules and to_answer(snapshot.messages(), rules, self.builder):
            if not self.has_room():
                return
            now = self.clock().replace(microsecond=0)
            given = self.store.change(lambda draft: answer(draft, rules, self.builder, now))
            for name, message in given:
                self.notice(f"answered message {message.id} from {message.sender} by rule {name}")
        self._looked_at = snapshot.version


def answer(
    draft: Draft, rules: Rules, builder: str, now: datetime
) -> tuple[tuple[str, Message], ...]:
    """Answer the unread messages to a builder that match a rule; rule and message of each.

    In one write each of them is answered, marked as read and, if the rule says so, acknowledged.
    Raises BrokenDocument.
    """
    messages = MessagesDocument(draft.read(MESSAGES)).messages
    found = to_answer(messages, rules, builder)
    if not found:
        return ()
    status = _status(draft, builder)
    for name, message in found:
        text = rules[name].reply.format(
            builder=builder, status=status, subject=message.subject, sender=message.sender
        )
        post(draft, _reply(message, text, builder, now))
    ids = [message.id for name, message in found if rules[name].ack and message.ack_required]
    if ids:
        acknowledge(draft, ids, by=builder)
    mark_read(draft, [message.id for _, message in found], by=builder)
    return found


def to_answer(
    messages: tuple[Message, ...], rules: Rules, builder: str
) -> tuple[tuple[str, Message], ...]:
    """The unread messages to a builder that a rule answers, each with the first such rule.

    Answers are not answered, so that two builders, or an older program, never go on for ever.
    """
    found = []
    for message in messages:
        is_answer = message.in_reply_to or message.topic != message.subject
        other = message.sender != builder and is_builder_id(message.sender)
        if message.id and other and not is_answer and message.is_unread_by(builder):
            names = (name for name, rule in rules.items() if _matches(rule, message))
            if name := next(names, None):
                found.append((name, message))
    return tuple(found[:_MOST])


def _matches(rule: AnswerEntry, message: Message) -> bool:
    return (
        _like(rule.subject, message.subject)
        and message.type in (rule.type or (message.type,))
        and message.sender in (rule.sender or (message.sender,))
    )


def _like(pattern: str, text: str) -> bool:
    """`*` stands for any text; case does not matter."""
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), text.strip(), re.IGNORECASE) is not None


def _reply(message: Message, text: str, builder: str, now: datetime) -> Message:
    """What others wrote into the subject is repeated only as far as it can be sent."""
    topic = "".join(char if char.isprintable() else "?" for char in message.topic)
    return Message(
        # a repeated write sends one answer
        id=f"msg_answer_{message.id}_{builder}",
        sender=builder,
        to=message.sender,
        subject=withhold(f"Re: {topic}"[:LONGEST_SUBJECT]),
        body=withhold(text[:LONGEST_BODY].replace("\0", "?")),
        at=now,
        in_reply_to=message.id,
    )


def _status(draft: Draft, builder: str) -> str:
    """What the builder does, for people."""
    data = draft.read(status_path(builder))
    try:
        found = read_status(builder, data, None) if data else None
    except BrokenDocument as error:
        return one_line(error)
    if found is None:  # a builder that has built nothing yet
        return IDLE
    job = (found.current_job or {}).get("id")
    return f"{BUILDING} {job}" if found.status == BUILDING and job else found.status
