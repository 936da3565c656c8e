"""`doit clean-workspaces`: old and excess data on this builder's disk."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext

from rich.table import Table
from rich.text import Text

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from common.yaml.size import format_size
from coordination_tasks.build.ports import Removable
from coordination_tasks.builder.lock import acting_lock
from coordination_tasks.builder.retained_jobs import retained_jobs
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.commands.tables import console
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.wiring.reading import open_snapshot


class CleanWorkspacesCommand(FarmCommand):
    """doit command."""

    name = "clean-workspaces"
    doc_purpose = "show or remove old and excess data on this builder's disk"
    doc_usage = "[--remove] [--json]"
    doc_description = """

Lists workspaces, mirrors of sources, packed logs and Maven downloads that exceed `limits` in
builder.yaml, and the space that each would free. --remove removes them. Queued and running jobs
keep their workspaces, and so does the last successful build of each branch on this builder; a
mirror is kept while a source tree takes objects from it.

Exit codes: 0 shown or removed, 1 cannot reach the coordination repository (nothing is removed),
3 bad usage, or --remove while a `doit build` is running here.
"""
    group = "care"
    cmd_options = (
        {"name": "remove", "long": "remove", "type": bool, "default": False,
         "help": "remove the items instead of only showing them"},
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(self, remove: bool, json: bool, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        config = self.farm.config(builder)
        workspaces = self.farm.pipelines.workspaces(config.state_dir)
        with acting_lock(config) if remove else nullcontext():
            with open_snapshot(config, tell) as snapshot:
                held = retained_jobs(snapshot, workspaces.jobs())
            now = utc_now().timestamp()
            found = workspaces.removable_items(config.limits, held, now)
            if remove:
                workspaces.remove(each.item.path for each in found)
        if json:
            sys.stdout.write(as_json(_as_json(found, removed=remove)) + "\n")
        else:
            _print(found, removed=remove)
        return 0


def _as_json(found: Sequence[Removable], *, removed: bool) -> dict[str, object]:
    return {
        "removed": removed,
        "bytes": _total(found),
        "found": [
            {
                "kind": each.item.kind,
                "path": str(each.item.path),
                "bytes": each.item.size,
                "why": each.why,
            }
            for each in found
        ],
    }


def _print(found: Sequence[Removable], *, removed: bool) -> None:
    out = console()
    table = Table("kind", "name", "size", "why", box=None)
    for each in found:
        size = format_size(each.item.size)
        table.add_row(each.item.kind, Text(each.item.name), size, Text(each.why))
    if found:
        out.print(table)
    total = format_size(_total(found))
    out.print(f"freed {total}" if removed else f"would free {total}. Remove it with --remove.")


def _total(found: Iterable[Removable]) -> int:
    return sum(each.item.size for each in found)
