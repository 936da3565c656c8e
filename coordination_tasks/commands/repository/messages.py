"""`doit messages`: the messages to this builder."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich.padding import Padding
from rich.text import Text

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from coordination_tasks.commands.base import FarmCommand, as_json
from coordination_tasks.commands.tables import console
from coordination_tasks.documents.messages import Message, check_known
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.domain.timestamps import format_time
from coordination_tasks.farm.mailbox import Mailbox
from coordination_tasks.store.store import Store
from coordination_tasks.wiring.store import open_store

_STYLES = {"warning": "bold yellow", "error": "bold red", "request": "bold cyan"}


class MessagesCommand(FarmCommand):
    """doit command."""

    name = "messages"
    doc_purpose = "show the messages to this builder, mark them as read, archive them"
    doc_usage = "[--all] [--mark-read | --archive] [--json] [ID ...]"
    doc_description = """
Without an ID: unread messages to this builder. Each builder marks a message to `all` as read for
itself. `--mark-read` marks the shown messages as read; `--archive` needs IDs.

Exit codes: 0 shown or done, 1 cannot reach the coordination repository or messages.json is
broken, 3 bad configuration, bad usage, or unknown message.
"""
    group = "farm"
    cmd_options = (
        {"name": "every", "long": "all", "type": bool, "default": False,
         "help": "show all messages except archived ones, even read ones and those to others"},
        {"name": "mark_read", "long": "mark-read", "type": bool, "default": False,
         "help": "mark the shown messages as read by this builder"},
        {"name": "archive", "long": "archive", "type": bool, "default": False,
         "help": "archive the given messages"},
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self,
        every: bool,
        mark_read: bool,
        archive: bool,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        if archive and not pos_args:
            raise BadRequest("--archive expects message IDs")
        if mark_read and (archive or every):
            raise BadRequest("--mark-read excludes --archive and --all")
        with open_store(self.farm.config(builder), tell) as store:
            if archive:
                shown = Mailbox(store).archive(pos_args)
                tell(f"{_count(shown)} archived")
            elif mark_read:
                shown = Mailbox(store).mark_read(pos_args)
                tell(f"{_count(shown)} marked as read by {store.builder}")
            else:
                shown = _chosen(store, pos_args, every=every)
            name = store.builder
        if json:
            sys.stdout.write(as_json([message_as_json(m, name) for m in shown]) + "\n")
        else:
            _print(shown, name, every=every)
        return 0


def message_as_json(message: Message, builder: str) -> dict[str, object]:
    """A message for programs; `unread` is whether `builder` has not read it yet."""
    return {
        "id": message.id,
        "from": message.sender,
        "to": message.to,
        "type": message.type,
        "subject": message.subject,
        "body": message.body,
        "timestamp": message.at,
        "read": message.read,
        "read_by": message.read_by,
        "by": message.by or None,
        "unread": message.is_unread_by(builder),
    }


def _chosen(store: Store, ids: Sequence[str], *, every: bool) -> tuple[Message, ...]:
    snapshot = store.snapshot()
    for problem in snapshot.unreadable_messages():
        tell(f"doit messages: {problem}")
    messages = snapshot.messages()
    if ids:
        check_known(ids, messages, "anybody")
        return tuple(message for message in messages if message.id in ids)
    return tuple(m for m in messages if every or m.is_unread_by(store.builder))


def _count(messages: Sequence[Message]) -> str:
    return f"{len(messages)} message{'' if len(messages) == 1 else 's'}"


def _print(messages: Iterable[Message], builder: str, *, every: bool) -> None:
    out = console()
    empty = True
    for message in messages:
        empty = False
        mark = "●" if message.is_unread_by(builder) else " "
        when = format_time(message.at) if message.at else "no time"
        head = Text(f"{mark} {message.type}", style=_STYLES.get(message.type, "bold"))
        by = f" ({message.by})" if message.by else ""
        sender = f"{message.sender or '?'}{by}"
        head.append(f" from {sender} to {message.to or '?'}, {when}  ", style="none")
        head.append(message.id or "(no id)", style="dim")
        out.print(head, soft_wrap=True)
        for text in filter(None, (Text(message.subject, style="bold"), Text(message.body))):
            out.print(Padding(text, (0, 2), expand=False))
    if empty:
        out.print("no messages" if every else f"no unread messages for {builder}")
