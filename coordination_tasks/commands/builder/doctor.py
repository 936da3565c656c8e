"""`doit doctor`: whether this machine can be a builder, with remedies."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from rich.table import Table
from rich.text import Text

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.doctor_checks import Check, check_builder, check_pipelines
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.commands.tables import console
from coordination_tasks.domain.errors import CoordinationError
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.farm.signed_jobs import job_judge
from coordination_tasks.store.store import Store
from coordination_tasks.wiring.store import open_store


class DoctorCommand(FarmCommand):
    """doit command."""

    name = "doctor"
    doc_purpose = "check this machine: tools, disk, outbox, clock, coordination repository"
    doc_usage = "[--json]"
    doc_description = """
Optional parts (lintian, a clean root, git-lfs, root, commands in `tools`) are problems only if
a pipeline of this farm requires them.

Exit codes: 0 no problems, 1 problems found, 3 bad configuration.
"""
    group = "care"
    cmd_options = (OPTION_JSON, OPTION_BUILDER)

    def _execute(self, json: bool, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        config = self.farm.config(builder)
        with open_store(config, tell) as store:
            problem = self.pipelines_problem()
            known = None if problem else self.known_pipelines()
            checks = [
                check_pipelines(known, problem),
                *(
                    Check(*found)
                    for found in self.farm.pipelines.check_machine(config.env, config.sandbox)
                ),
                *check_builder(config, store, known, utc_now()),
                *_signed_jobs(config, store),
            ]
        if json:
            sys.stdout.write(as_json([check_as_json(check) for check in checks]) + "\n")
        else:
            _print(checks)
        return 0 if all(check.ok for check in checks) else 1


def _signed_jobs(config: BuilderConfig, store: Store) -> Iterator[Check]:
    """How many jobs wait that this builder does not run, since nobody whom it knows signed them."""
    if not config.require_signed_jobs:
        return
    try:
        queued = list(store.snapshot().queue.queued())
    except CoordinationError:
        return  # said by another check
    refused = [job.id for job in queued if job_judge(config)(job)]
    found = f"required; {len(refused)} of {len(queued)} queued jobs are refused"
    remedy = f"`doit explain` says why: {', '.join(refused[:3])}" if refused else None
    yield Check("signed jobs", found, remedy, needed=False)


def check_as_json(check: Check) -> dict[str, object]:
    """The checks, for programs."""
    return {
        "check": check.name,
        "ok": check.ok,
        "found": check.found,
        "remedy": check.remedy,
        "needed": check.needed,
    }


def _print(checks: Iterable[Check]) -> None:
    table = Table(box=None, show_header=False)
    for check in checks:
        table.add_row(_mark(check), Text(check.name), Text(check.found))
        if check.remedy:
            table.add_row("", "", Text(f"-> {check.remedy}", style="dim" if check.ok else "bold"))
    console().print(table)


def _mark(check: Check) -> Text:
    if check.remedy is None:
        return Text("✔", style="green")
    return Text("·", style="dim") if check.ok else Text("✘", style="bold red")
