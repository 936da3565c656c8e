"""`doit doctor`: is this machine fit to be a builder, and what to do where it is not."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from coordination_tasks.checks import Check, check_builder
from coordination_tasks.clock import utc_now
from coordination_tasks.command import (
    OPTION_BUILDER,
    OPTION_JSON,
    FarmCommand,
    as_json,
    console,
    no_arguments,
    open_store,
)


class DoctorCommand(FarmCommand):
    """doit command."""

    name = "doctor"
    doc_purpose = "check this machine: tools, disk, clock, coordination repository"
    doc_usage = "[--json]"
    doc_description = "Exit codes: 0 all is well, 1 something has to be done, 3 bad configuration."
    cmd_options = (OPTION_JSON, OPTION_BUILDER)

    def _execute(self, json: bool, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        config = self.read_config(builder)
        with open_store(config) as store:
            checks = [
                *self.loader.namespace["check_tools"](config.env),
                *check_builder(config, store, utc_now()),
            ]
        if json:
            sys.stdout.write(as_json([check_as_json(check) for check in checks]) + "\n")
        else:
            _print(checks)
        return 1 if any(remedy for _, _, remedy in checks) else 0


def check_as_json(check: Check) -> dict[str, object]:
    """What was looked at, for programs; `remedy` is null where all is well."""
    name, found, remedy = check
    return {"check": name, "ok": remedy is None, "found": found, "remedy": remedy}


def _print(checks: Iterable[Check]) -> None:
    table = Table(box=None, show_header=False)
    for name, found, remedy in checks:
        mark = Text("✔", style="green") if remedy is None else Text("✘", style="bold red")
        table.add_row(mark, Text(name), Text(found))
        if remedy:
            table.add_row("", "", Text(f"-> {remedy}", style="bold"))
    console().print(table)
