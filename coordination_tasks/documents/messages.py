"""`coordination/messages.json`: messages between builders, compatible with older programs.

Each builder marks a message to `all` as read for itself: `read_by` lists them, and `read`, which
older programs use, becomes true when all builders have read it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from coordination_tasks.documents import json_edit
from coordination_tasks.documents.paths import MESSAGES, status_path
from coordination_tasks.domain.errors import BadRequest, BrokenDocument, NotFound
from coordination_tasks.domain.model import is_builder_id
from coordination_tasks.domain.secret_scan import rule_of
from coordination_tasks.domain.timestamps import format_time, parse_time
from coordination_tasks.repository.draft import Draft

TO_ALL = "all"
MESSAGE_TYPES = ("info", "warning", "error", "request")
_RE = re.compile(r"\A(?:\s*re:\s*)+", re.IGNORECASE)
LONGEST_SUBJECT = 200
LONGEST_BODY = 20_000
_NEW = json_edit.dump({"messages": []})


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. Real files lack `type`, `read` and even `id` ("" then)."""

    id: str
    sender: str
    to: str
    """A builder or `all`."""
    type: str = "info"
    subject: str
    body: str = ""
    at: datetime | None = None
    """By the sender's clock."""
    read: bool = False
    """What older programs use: read by its recipient; for `all`: by all builders."""
    by: str = ""
    """The person who sent it; "" in messages of programs."""
    read_by: tuple[str, ...] | None = None
    """Builders that have read a message to `all`; None in messages of older programs."""
    ack_required: bool = False
    """Whether its recipients are to acknowledge it."""
    acknowledged_by: tuple[str, ...] = ()
    """Builders that have."""
    in_reply_to: str = ""
    """Id of the message that it answers; "" in messages of older programs."""

    @property
    def topic(self) -> str:
        """The subject without the `Re:` by which older programs answer."""
        return _RE.sub("", self.subject)

    def awaits_ack_of(self, builder: str) -> bool:
        """Whether this builder is to acknowledge it, and has not."""
        is_asked = self.ack_required and self.is_for(builder) and self.sender != builder
        return is_asked and builder not in self.acknowledged_by

    def is_for(self, builder: str) -> bool:
        """Whether it is addressed to this builder."""
        return self.to in (builder, TO_ALL)

    def is_unread_by(self, builder: str) -> bool:
        """Whether this builder has not read it yet."""
        if not self.is_for(builder) or (self.to == TO_ALL and self.sender == builder):
            return False
        return not self.read if self.read_by is None else builder not in self.read_by


class MessagesDocument:
    """The messages of one version. Invalid entries are kept in the text, and reported."""

    def __init__(self, data: bytes | None) -> None:
        """Raises BrokenDocument when it is not a JSON document of the right shape."""
        self._text = _NEW if data is None else json_edit.decode(MESSAGES, data)
        raws = json_edit.parse_object(MESSAGES, self._text).get("messages", [])
        if not isinstance(raws, list):
            raise BrokenDocument(f"{MESSAGES} is broken: `messages` is not a list")
        self._raws: list[object] = raws

    @property
    def data(self) -> bytes:
        """The document's new text."""
        return self._text.encode("utf-8")

    @property
    def entries(self) -> tuple[tuple[int, Mapping[str, object], Message], ...]:
        """Index, entry and message of the readable entries, in the file's order."""
        return tuple(
            (index, raw, read_message(raw))
            for index, raw in enumerate(self._raws)
            if isinstance(raw, dict)
        )

    @property
    def messages(self) -> tuple[Message, ...]:
        """The readable messages, in the file's order."""
        return tuple(message for _, _, message in self.entries)

    def unreadable(self) -> tuple[str, ...]:
        """The errors of the other entries, one line each."""
        return tuple(
            f"{MESSAGES}: entry {index + 1} is not an object"
            for index, raw in enumerate(self._raws)
            if not isinstance(raw, dict)
        )

    def append(self, message: Message) -> None:
        """Add a message at the end."""
        members = _members(message)
        self._text = json_edit.append_element(self._text, self._array_at(), members)
        self._raws.append(members)

    def mark(self, index: int, changes: Mapping[str, object]) -> None:
        """Change members of the entry at this index."""
        entry = json_edit.scan_array(self._text, self._array_at())[index]
        self._text = json_edit.set_members(self._text, changes, entry.start)
        raw = self._raws[index]
        if isinstance(raw, dict):
            raw.update(changes)

    def remove(self, indexes: Collection[int]) -> None:
        """Remove the entries at these indexes."""
        self._text = json_edit.remove_elements(self._text, self._array_at(), indexes)
        self._raws = [raw for index, raw in enumerate(self._raws) if index not in indexes]

    def _array_at(self) -> int:
        found = json_edit.member(self._text, "messages")
        if found is None:
            self._text = json_edit.set_members(self._text, {"messages": []})
            return self._array_at()
        return found.start


def entry_rule(raw: Mapping[str, object]) -> str:
    """The rule by which an entry looks like it contains a secret; "": it does not."""
    return rule_of(json_edit.dump_line(raw))


def check_message(message: Message) -> None:
    """Raise BadRequest unless this message can be sent."""
    if message.to != TO_ALL and not is_builder_id(message.to):
        raise BadRequest(f"unknown recipient {message.to[:80]!r}: expected a builder or `{TO_ALL}`")
    if message.type not in MESSAGE_TYPES:
        raise BadRequest(f"unknown type {message.type[:40]!r} (known: {', '.join(MESSAGE_TYPES)})")
    subject = message.subject
    if not subject.strip() or not subject.isprintable() or len(subject) > LONGEST_SUBJECT:
        raise BadRequest(f"the subject must be one line of 1 to {LONGEST_SUBJECT} characters")
    if len(message.body) > LONGEST_BODY or "\0" in message.body:
        raise BadRequest(f"the body must be text of at most {LONGEST_BODY} characters")


def post(draft: Draft, message: Message) -> None:
    """Add a message unless it exists. Raises BadRequest, BrokenDocument."""
    check_message(message)
    document = MessagesDocument(draft.read(MESSAGES))
    if any(message.id == known.id for known in document.messages):
        return
    document.append(message)
    draft.write(MESSAGES, document.data)
    draft.note(f"{message.sender}: message to {message.to}: {message.subject}")


def mark_read(draft: Draft, ids: Sequence[str], *, by: str) -> tuple[Message, ...]:
    """Mark these messages (none given: all) as read by `by`; returns those that were unread.

    Raises NotFound when an id is not among the messages to `by`, BrokenDocument.
    """
    document = MessagesDocument(draft.read(MESSAGES))
    own = _messages_to(document, by, ids)
    unread = [
        (index, message)
        for index, message in own
        if message.is_unread_by(by) and (not ids or message.id in ids)
    ]
    if not unread:
        return ()
    builders = _builders(draft)
    for index, message in unread:
        document.mark(index, _read_members(message, by, builders))
    draft.write(MESSAGES, document.data)
    draft.note(f"{by}: mark {len(unread)} messages as read")
    return tuple(message for _, message in unread)


def acknowledge(draft: Draft, ids: Sequence[str], *, by: str) -> tuple[Message, ...]:
    """Acknowledge these messages, and mark them as read; returns those that awaited it, as now.

    Raises NotFound when an id is not among the messages to `by`, BadRequest when one asks for no
    acknowledgement, BrokenDocument.
    """
    document = MessagesDocument(draft.read(MESSAGES))
    own = _messages_to(document, by, ids)
    asked = [(index, message) for index, message in own if message.id in ids]
    for _, message in asked:
        if not message.ack_required:
            raise BadRequest(f"message {message.id} asks for no acknowledgement")
    awaiting = [(index, message) for index, message in asked if message.awaits_ack_of(by)]
    builders = _builders(draft)
    for index, message in awaiting:
        unread = message.is_unread_by(by)
        read = _read_members(message, by, builders) if unread else {}
        acks = {"ack_status": "completed", "acknowledged_by": [*message.acknowledged_by, by]}
        document.mark(index, {**acks, **read})
    if awaiting:
        draft.write(MESSAGES, document.data)
        draft.note(f"{by}: acknowledge {len(awaiting)} messages")
    return tuple(
        replace(message, acknowledged_by=(*message.acknowledged_by, by)) for _, message in awaiting
    )


def readdress(draft: Draft, old: str, new: str) -> int:
    """What was sent to a builder goes to its new id, what it has read stays read.

    Returns how many messages changed. Raises BrokenDocument.
    """
    document = MessagesDocument(draft.read(MESSAGES))
    count = 0
    for index, raw, message in document.entries:
        lists = {key: raw.get(key) for key in ("read_by", "acknowledged_by")}
        changes: dict[str, object] = {
            key: [new if name == old else name for name in names]
            for key, names in lists.items()
            if isinstance(names, list) and old in names
        }
        if message.to == old:
            changes["to"] = new
        if changes:
            document.mark(index, changes)
            count += 1
    if count:
        draft.write(MESSAGES, document.data)
    return count


def thread_of(messages: Sequence[Message], message_id: str) -> tuple[Message, ...]:
    """The conversation of a message: answers by their id, or by their subject; in order.

    Empty when there is no such message.
    """
    start = next((message for message in messages if message.id == message_id), None)
    if start is None:
        return ()
    ids, topics = {message_id, start.in_reply_to} - {""}, {start.topic} - {""}
    while True:
        found = [m for m in messages if {m.id, m.in_reply_to} & ids or m.topic in topics]
        reached = {name for m in found for name in (m.id, m.in_reply_to) if name}
        if reached <= ids:
            return tuple(found)
        ids |= reached


def _messages_to(
    document: MessagesDocument, builder: str, ids: Sequence[str]
) -> list[tuple[int, Message]]:
    """The messages to a builder with their places. Raises NotFound unless all ids are theirs."""
    own = [(index, message) for index, _, message in document.entries if message.is_for(builder)]
    check_known(ids, [message for _, message in own], builder)
    return own


def check_known(ids: Sequence[str], messages: Sequence[Message], builder: str) -> None:
    """Raise NotFound unless all ids are ids of these messages to `builder`."""
    known = {message.id for message in messages}
    for wanted in ids:
        if wanted not in known:
            raise NotFound(f"unknown message {wanted[:80]!r} to {builder}")


def _read_members(message: Message, by: str, builders: frozenset[str]) -> dict[str, object]:
    if message.to != TO_ALL:
        return {"read": True}
    readers = [*(message.read_by or ()), by]
    everybody = bool(builders) and builders <= {*readers, message.sender}
    # an older program marks a message as read for all: that stays
    return {"read": message.read or everybody, "read_by": readers}


def _builders(draft: Draft) -> frozenset[str]:
    names = filter(is_builder_id, draft.names(""))
    return frozenset(name for name in names if draft.read(status_path(name)) is not None)


def _members(message: Message) -> dict[str, object]:
    members: dict[str, object] = {
        "id": message.id,
        "from": message.sender,
        "to": message.to,
        "type": message.type,
        "subject": message.subject,
        "body": message.body,
        "timestamp": format_time(message.at) if message.at else None,
        "read": message.read,
    }
    more: dict[str, object] = {"by": message.by} if message.by else {}
    if message.in_reply_to:
        more["in_reply_to"] = message.in_reply_to
    if message.ack_required:
        more |= {"ack_required": True, "ack_status": "pending", "acknowledged_by": []}
    return members | more | ({"read_by": []} if message.to == TO_ALL else {})


def read_message(raw: Mapping[str, object]) -> Message:
    """A message of its members, whatever is missing."""
    readers, acks = raw.get("read_by"), raw.get("acknowledged_by")
    return Message(
        id=_text(raw, "id"),
        sender=_text(raw, "from"),
        to=_text(raw, "to"),
        type=_text(raw, "type") or MESSAGE_TYPES[0],
        subject=_text(raw, "subject"),
        body=_text(raw, "body"),
        at=parse_time(raw.get("timestamp")),
        read=raw.get("read") is True,
        by=_text(raw, "by"),
        read_by=tuple(map(str, readers)) if isinstance(readers, list) else None,
        ack_required=raw.get("ack_required") is True,
        acknowledged_by=tuple(map(str, acks)) if isinstance(acks, list) else (),
        in_reply_to=_text(raw, "in_reply_to"),
    )


def _text(raw: Mapping[str, object], key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else "" if value is None else str(value)
