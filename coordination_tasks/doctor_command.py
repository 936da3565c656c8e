"""`doit doctor`: is this machine fit to be a builder, and what to do where it is not."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from coordination_tasks.checks import check_builder
from coordination_tasks.clock import utc_now
from coordination_tasks.command import (
    OPTION_BUILDER,
    FarmCommand,
    console,
    no_arguments,
    open_store,
)


class DoctorCommand(FarmCommand):
    """doit command."""

    name = "doctor"
    doc_purpose = "check this machine: tools, disk, clock, coordination repository"
    doc_usage = "[--builder ID]"
    doc_description = "Exit codes: 0 all is well, 1 something has to be done, 3 bad configuration."
    cmd_options = (OPTION_BUILDER,)

    def _execute(self, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        config = self.read_config(builder)
        with open_store(config) as store:
            checks = [
                *self.loader.namespace["check_tools"](config.env),
                *check_builder(config, store, utc_now()),
            ]
        table = Table(box=None, show_header=False)
        for name, found, remedy in checks:
            mark = Text("✔", style="green") if remedy is None else Text("✘", style="bold red")
            table.add_row(mark, Text(name), Text(found))
            if remedy:
                table.add_row("", "", Text(f"-> {remedy}", style="bold"))
        console().print(table)
        return 1 if any(remedy for _, _, remedy in checks) else 0
