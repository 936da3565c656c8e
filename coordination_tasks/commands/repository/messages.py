"""`doit messages`: the messages to this builder."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import NoReturn

from rich.padding import Padding
from rich.text import Text

from common.atomic_files import replace_file
from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from common.cli.output_stream import check_reader
from common.errors import os_error_text
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.commands.base import FarmCommand, as_json, as_json_line
from coordination_tasks.commands.tables import console
from coordination_tasks.commands.views.job_filter import read_since
from coordination_tasks.commands.views.message_filter import MessageFilter
from coordination_tasks.commands.views.output import write_lines
from coordination_tasks.documents.archive import archived_messages
from coordination_tasks.documents.messages import Message
from coordination_tasks.domain.errors import BadRequest, CoordinationError
from coordination_tasks.domain.timestamps import format_time, utc_now
from coordination_tasks.farm.messages.digest import (
    ALL_FILE,
    STATUS_FILE,
    all_text,
    count,
    count_lines,
    status_text,
)
from coordination_tasks.farm.messages.mailbox import Mailbox
from coordination_tasks.store.store import Store
from coordination_tasks.wiring.reading import open_snapshot
from coordination_tasks.wiring.store import open_store

_POLL = 5.0
"""Seconds between two looks of --follow."""
_STYLES = {"warning": "bold yellow", "error": "bold red", "request": "bold cyan"}


class MessagesCommand(FarmCommand):
    """doit command."""

    name = "messages"
    doc_purpose = "show the messages to this builder, mark them as read, archive them"
    doc_usage = (
        "[--all | --thread ID] [--unread] [--from NAME] [--since TIME] [--limit N] [--follow]"
        " [--json] | [--mark-read | --ack | --archive] [ID ...] | --counts | --export DIR"
    )
    doc_description = """
Without an ID: unread messages to this builder. Each builder marks a message to `all` as read for
itself. `--mark-read` marks the shown messages as read; `--ack` and `--archive` need IDs.

--thread shows a message with those that it answers or that answer it, by their ids or, as older
programs answer, by a subject after `Re:`. --follow goes on with new messages until Ctrl-C; with
--json it prints one object on each line.

--counts shows how many messages there are, and for each builder how many it has not read or
acknowledged. --export writes MESSAGES_STATUS.md (the counts, and the last messages) and
MESSAGES_ALL.txt (all messages, archived ones first) into a folder.

Exit codes: 0 shown or done, 1 cannot reach the coordination repository or messages.json is
broken, 3 bad configuration, bad usage, or unknown message.
"""
    group = "farm"
    cmd_options = (
        {"name": "every", "long": "all", "type": bool, "default": False,
         "help": "show all messages except archived ones, even read ones and those to others"},
        {"name": "mark_read", "long": "mark-read", "type": bool, "default": False,
         "help": "mark the shown messages as read by this builder"},
        {"name": "unread", "long": "unread", "type": bool, "default": False,
         "help": "of --all or --thread only those that this builder has not read"},
        {"name": "thread", "long": "thread", "type": str, "default": "",
         "help": "show the conversation of this message"},
        {"name": "sender", "long": "from", "type": str, "default": "",
         "help": "only messages from this builder or person"},
        {"name": "since", "long": "since", "type": str, "default": "",
         "help": "only messages sent since then: 2h, 3d, or a time"},
        {"name": "limit", "long": "limit", "type": int, "default": 0,
         "help": "only the last N (0: all)"},
        {"name": "follow", "long": "follow", "type": bool, "default": False,
         "help": "go on with new messages as they come"},
        {"name": "ack", "long": "ack", "type": bool, "default": False,
         "help": "acknowledge the given messages, and mark them as read"},
        {"name": "archive", "long": "archive", "type": bool, "default": False,
         "help": "archive the given messages"},
        {"name": "counts", "long": "counts", "type": bool, "default": False,
         "help": "show how many messages there are, instead of the messages"},
        {"name": "export", "long": "export", "type": str, "default": "",
         "help": "write MESSAGES_STATUS.md and MESSAGES_ALL.txt into this folder"},
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(  # noqa: PLR0917 - doit passes options by their names
        self,
        every: bool,
        mark_read: bool,
        unread: bool,
        thread: str,
        sender: str,
        since: str,
        limit: int,
        follow: bool,
        ack: bool,
        archive: bool,
        counts: bool,
        export: str,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        chosen = MessageFilter(
            ids=tuple(pos_args),
            every=every,
            unread=unread,
            thread=thread,
            sender=sender,
            since=read_since(since, utc_now()) if since else None,
            limit=limit,
        )
        acts = [mark_read, ack, archive].count(True)
        _check(chosen, acts=acts, needs_ids=ack or archive, follow=follow)
        if counts or export:
            if acts or follow or chosen != MessageFilter() or (counts and export):
                raise BadRequest("--counts and --export stand alone")
            config = self.farm.config(builder)
            _tell_counts(config, export, json=json)
            return 0
        with open_store(self.farm.config(builder), tell) as store:
            name = store.builder
            if acts:
                mailbox = Mailbox(store)
                act, did = (
                    (mailbox.archive, "archived")
                    if archive
                    else (mailbox.acknowledge, f"acknowledged by {name}")
                    if ack
                    else (mailbox.mark_read, f"marked as read by {name}")
                )
                shown = act(pos_args)
                tell(f"{_count(shown)} {did}")
            else:
                shown = chosen.of(_readable(store), name)
            _show(shown, name, every=every or bool(thread), json=json, lines=follow)
            if follow:
                _follow(store, chosen, {message.id for message in shown}, json=json)
        return 0


def _tell_counts(config: BuilderConfig, folder: str, *, json: bool) -> None:
    """Show the counts, or write the files into `folder`. Raises BadRequest, BrokenDocument."""
    with open_snapshot(config, tell) as snapshot:
        messages, archived = snapshot.messages(), tuple(archived_messages(snapshot))
        found = count(messages, len(archived), snapshot.builders())
    if not folder:
        if json:
            sys.stdout.write(as_json(asdict(found)) + "\n")
        else:
            write_lines(count_lines(found))
        return
    texts = {
        STATUS_FILE: status_text(messages, found, utc_now()),
        ALL_FILE: all_text((*archived, *messages)),
    }
    paths = [Path(folder, name) for name in texts]
    try:
        for path, text in zip(paths, texts.values(), strict=True):
            replace_file(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise BadRequest(f"cannot write {folder}: {os_error_text(error)}") from error
    if json:
        sys.stdout.write(as_json({"files": paths}) + "\n")
    else:
        write_lines(map(str, paths))


def _check(chosen: MessageFilter, *, acts: int, needs_ids: bool, follow: bool) -> None:
    if acts > 1:
        raise BadRequest("--mark-read, --ack and --archive exclude each other")
    if needs_ids and not chosen.ids:
        raise BadRequest("--ack and --archive expect message IDs")
    if acts and (follow or replace(chosen, ids=()) != MessageFilter()):
        raise BadRequest("--mark-read, --ack and --archive go with IDs only")
    if chosen.ids and (follow or replace(chosen, ids=()) != MessageFilter()):
        raise BadRequest("IDs exclude the options that select messages")
    if chosen.limit < 0:
        raise BadRequest(f"--limit expects 0 or more, found {chosen.limit}")


def _follow(store: Store, chosen: MessageFilter, known: set[str], *, json: bool) -> NoReturn:
    """Show new messages until Ctrl-C."""
    trouble = ""
    while True:
        time.sleep(_POLL)
        check_reader(sys.stdout)
        try:
            messages = store.snapshot().messages()
        except CoordinationError as error:
            if str(error) != trouble:
                tell(f"doit messages: {error}")
            trouble = str(error)
            continue
        trouble = ""
        found = replace(chosen, limit=0).of(messages, store.builder)
        fresh = tuple(message for message in found if message.id not in known)
        known |= {message.id for message in fresh}
        if fresh:
            _show(fresh, store.builder, every=True, json=json, lines=True)


def _show(
    messages: Sequence[Message], builder: str, *, every: bool, json: bool, lines: bool
) -> None:
    if not json:
        if messages or not lines:
            _print(messages, builder, every=every)
    elif lines:
        for message in messages:
            sys.stdout.write(as_json_line(message_as_json(message, builder)) + "\n")
    else:
        sys.stdout.write(as_json([message_as_json(m, builder) for m in messages]) + "\n")
    sys.stdout.flush()


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
        "ack_required": message.ack_required,
        "acknowledged_by": message.acknowledged_by,
        "in_reply_to": message.in_reply_to or None,
        "unread": message.is_unread_by(builder),
    }


def _readable(store: Store) -> tuple[Message, ...]:
    snapshot = store.snapshot()
    for problem in snapshot.unreadable_messages():
        tell(f"doit messages: {problem}")
    return snapshot.messages()


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
        if message.ack_required:
            by = ", ".join(message.acknowledged_by)
            head.append(f"  acknowledged by {by}" if by else "  to be acknowledged", style="none")
        out.print(head, soft_wrap=True)
        for text in filter(None, (Text(message.subject, style="bold"), Text(message.body))):
            out.print(Padding(text, (0, 2), expand=False))
    if empty:
        out.print("no messages" if every else f"no unread messages for {builder}")
