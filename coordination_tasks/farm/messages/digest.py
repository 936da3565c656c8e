"""All messages as text files for people, and how many there are. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from common.cli.terminal_text import printable
from coordination_tasks.documents.messages import Message
from coordination_tasks.domain.model import is_builder_id
from coordination_tasks.domain.timestamps import format_time

STATUS_FILE, ALL_FILE = "MESSAGES_STATUS.md", "MESSAGES_ALL.txt"
"""The names that older programs gave these files."""
_LAST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCounts:
    """How many messages there are; without archived ones, but for `archived`."""

    total: int
    archived: int
    by_type: dict[str, int]
    unread: dict[str, int]
    """By builder: those that it has not read."""
    to_acknowledge: dict[str, int]
    """By builder: those that it has not acknowledged."""


def count(messages: Sequence[Message], archived: int, builders: Iterable[str]) -> MessageCounts:
    """The messages counted; `builders` are those with a status, recipients are added."""
    names = sorted({*builders, *(m.to for m in messages if is_builder_id(m.to))})
    return MessageCounts(
        total=len(messages),
        archived=archived,
        by_type=dict(sorted(Counter(message.type for message in messages).items())),
        unread={name: sum(m.is_unread_by(name) for m in messages) for name in names},
        to_acknowledge={name: sum(m.awaits_ack_of(name) for m in messages) for name in names},
    )


def count_lines(counts: MessageCounts) -> tuple[str, ...]:
    """The counts for people."""
    types = ", ".join(f"{number} {name}" for name, number in counts.by_type.items())
    builders = (
        f"{name}: {number} unread, {counts.to_acknowledge[name]} to acknowledge"
        for name, number in counts.unread.items()
    )
    total = f"{counts.total} messages{f' ({types})' if types else ''}, {counts.archived} archived"
    return (total, *builders)


def status_text(messages: Sequence[Message], counts: MessageCounts, now: datetime) -> str:
    """STATUS_FILE: the counts and the last messages, as Markdown."""
    rows = ((_time(m), m.sender, m.to, m.type, m.subject) for m in messages[-_LAST:])
    last = (f"| {' | '.join(map(_cell, row))} |" for row in rows)
    return "\n".join((
        "# Messages",
        "",
        f"As of {format_time(now)}.",
        "",
        *(f"- {_cell(line)}" for line in count_lines(counts)),
        "",
        "| time | from | to | type | subject |",
        "|---|---|---|---|---|",
        *last,
        "",
    ))  # fmt: skip


def all_text(messages: Iterable[Message]) -> str:
    """ALL_FILE: every message with its text, in the given order."""
    return "\n".join(map(_whole, messages))


def _whole(message: Message) -> str:
    head = {
        "id": message.id,
        "from": f"{message.sender} ({message.by})" if message.by else message.sender,
        "to": message.to,
        "type": message.type,
        "time": _time(message),
        "answers": message.in_reply_to,
        "acknowledged by": ", ".join(message.acknowledged_by),
        "subject": message.subject,
    }
    lines = [f"{key}: {_line(value)}" for key, value in head.items() if value]
    # a line of a text never looks like the head of another message
    body = [f"    {printable(line)}" for line in message.body.splitlines()]
    return "\n".join([*lines, *([""] if body else []), *body, ""])


def _time(message: Message) -> str:
    return format_time(message.at) if message.at else "no time"


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|").replace("<", "&lt;")


def _line(text: str) -> str:
    return " ".join(printable(text).split())
