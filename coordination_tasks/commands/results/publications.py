"""`doit publications`: who promoted builds and went back, and why."""

from __future__ import annotations

import sys

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from common.cli.text_table import table_lines
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.commands.results.rollback import publication_as_json
from coordination_tasks.documents.paths import PUBLICATIONS
from coordination_tasks.domain.timestamps import format_time
from coordination_tasks.farm.artifacts.releases.publications import (
    Publication,
    read_publications,
)
from coordination_tasks.wiring.reading import open_snapshot

_TITLES = ("TIME", "ACT", "JOB", "TRY", "DESTINATION", "BY", "RESULT", "REASON")


class PublicationsCommand(FarmCommand):
    """doit command."""

    name = "publications"
    doc_purpose = "list promotions and rollbacks, the newest first: who, where, why"
    doc_usage = "[--json]"
    doc_description = """
What `doit promote` and `doit rollback` recorded. RESULT: `done`, `failed`, or `not ended` if it
still runs or was killed: repeat it then.

Exit codes: 0 shown, 1 cannot reach the coordination repository, 3 bad usage or configuration.
"""
    group = "look"
    cmd_options = (OPTION_JSON, OPTION_BUILDER)

    def _execute(self, json: bool, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        with open_snapshot(self.farm.config(builder), tell) as snapshot:
            found = read_publications(snapshot.read(PUBLICATIONS))[::-1]
        if json:
            sys.stdout.write(as_json([publication_as_json(one) for one in found]) + "\n")
        else:
            lines = table_lines(_TITLES, [_row(one) for one in found], None) if found else []
            sys.stdout.writelines(f"{line}\n" for line in lines or ["no publication"])
        return 0


def _row(one: Publication) -> tuple[str, ...]:
    result = "failed" if one.problem else "done" if one.ended_at else "not ended"
    return (
        format_time(one.at) if one.at else "-",
        one.act,
        one.job,
        str(one.attempt),
        one.destination,
        one.by,
        result,
        one.problem or one.reason or "-",
    )
