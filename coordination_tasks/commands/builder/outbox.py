"""`doit outbox`: records that wait to be sent, and records that the store refused."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.outbox.journal import Entry, Outbox
from coordination_tasks.commands.base import FarmCommand, as_json
from coordination_tasks.commands.tables import console
from coordination_tasks.domain.errors import BadRequest, NotFound
from coordination_tasks.store.attempt_commands import Complete, Record
from coordination_tasks.wiring.store import open_store


class OutboxCommand(FarmCommand):
    """doit command."""

    name = "outbox"
    doc_purpose = "show records that wait to be sent, and refused ones"
    doc_usage = "[--json] [--send | --retry ID ... | --drop ID ...]"
    doc_description = """
Works without the coordination repository. `doit build` and `doit watch` send waiting entries.
Refused entries are kept until you decide: `--retry` requeues them, `--drop` removes them.

Exit codes: 0 shown or done, 1 cannot read the journal or, with --send, cannot reach the
coordination repository, 3 bad configuration, bad usage, or unknown refused entry.
"""
    group = "care"
    cmd_options = (
        {"name": "send", "long": "send", "type": bool, "default": False,
         "help": "send waiting entries now"},
        {"name": "retry", "long": "retry", "type": bool, "default": False,
         "help": "requeue these refused entries"},
        {"name": "drop", "long": "drop", "type": bool, "default": False,
         "help": "drop these refused entries"},
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self, send: bool, retry: bool, drop: bool, json: bool, builder: str, pos_args: list[str]
    ) -> int:
        if send + retry + drop > 1:
            raise BadRequest("--send, --retry and --drop exclude each other")
        if (retry or drop) != bool(pos_args):
            raise BadRequest("only --retry and --drop take entry IDs, and they need at least one")
        config = self.farm.config(builder)
        with Outbox(config.state_dir / "outbox.sqlite") as outbox:
            if send:
                _send(config, outbox)
            elif retry or drop:
                _check(outbox, pos_args)
                outbox.retry(pos_args) if retry else outbox.drop(pos_args)
            pending, refused = outbox.pending(), outbox.refused()
        if json:
            sys.stdout.write(as_json(outbox_as_json(pending, refused)) + "\n")
        else:
            _print(pending, refused)
        return 0


def outbox_as_json(pending: Sequence[Entry], refused: Sequence[Entry]) -> dict[str, object]:
    """The outbox for programs, each list in the order of sending."""
    return {
        "pending": [_entry_as_json(entry) for entry in pending],
        "refused": [_entry_as_json(entry) for entry in refused],
    }


def _entry_as_json(entry: Entry) -> dict[str, object]:
    return {
        "id": entry.id,
        "job": entry.job,
        "attempt": entry.command.fence.attempt,
        "kind": entry.name,
        "what": _what(entry),
        "submitted_at": entry.submitted_at,
        "refused": entry.refused,
    }


def _what(entry: Entry) -> str:
    command = entry.command
    if isinstance(command, Complete):
        return f"job {command.completion.state}"
    if isinstance(command, Record):
        return ", ".join(f"{t.step} {t.to_state}" for t in command.transitions) or "plan"
    return f"job released: {command.reason}"


def _send(config: BuilderConfig, outbox: Outbox) -> None:
    with open_store(config, tell) as store:
        report = outbox.flush(store)
    for entry, error in report.refused:
        tell(f"doit outbox: {_what(entry)} of job {entry.job} was refused: {error}")
    tell(f"{report.sent} sent, {len(report.refused)} refused")


def _check(outbox: Outbox, ids: Sequence[str]) -> None:
    refused = {entry.id for entry in outbox.refused()}
    for wanted in ids:
        if wanted not in refused:
            raise NotFound(f"unknown refused entry {wanted[:80]!r}")


def _print(pending: Sequence[Entry], refused: Sequence[Entry]) -> None:
    out = console()
    if not pending and not refused:
        out.print("the outbox is empty")
    for title, entries in (("waiting to be sent", pending), ("refused", refused)):
        if not entries:
            continue
        table = Table("since", "job", "try", "what", title=title, title_justify="left", box=None)
        for entry in entries:
            attempt = str(entry.command.fence.attempt)
            table.add_row(entry.submitted_at, Text(entry.job), attempt, Text(_what(entry)))
            if entry.refused:
                table.add_row("", "", "", Text(f"-> {entry.refused}", style="bold red"))
                table.add_row("", "", "", Text(entry.id, style="dim"))
        out.print(table)
