"""`doit fsck`: which documents of the coordination repository can't be read, and what to do."""

from __future__ import annotations

import sys

from rich.text import Text

from coordination_tasks.broken_documents import Finding, find_broken
from coordination_tasks.command import (
    OPTION_BUILDER,
    OPTION_JSON,
    FarmCommand,
    as_json,
    console,
    no_arguments,
    open_store,
)
from coordination_tasks.git_history import GitHistory

EXIT_FOUND = 6


class FsckCommand(FarmCommand):
    """doit command."""

    name = "fsck"
    doc_purpose = "find broken documents, and the last good version of each"
    doc_usage = "[--json]"
    doc_description = """
Reads the queue, locks, messages, what builders publish, and shared/*.json. Nothing is changed.

Exit codes: 0 all can be read, 1 the coordination repository can't be reached, 3 bad configuration
or usage, 6 something can't be read.
"""
    cmd_options = (OPTION_JSON, OPTION_BUILDER)

    def _execute(self, json: bool, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        config = self.read_config(builder)
        with (
            open_store(config) as store,
            GitHistory(config.coordination_repository, config.state_dir / "history") as history,
        ):
            findings = find_broken(store.snapshot(), history)
        if json:
            sys.stdout.write(as_json([finding_as_json(finding) for finding in findings]) + "\n")
        else:
            _print(findings)
        return EXIT_FOUND if findings else 0


def finding_as_json(finding: Finding) -> dict[str, object]:
    """A finding for programs; `last_good` is a commit or null."""
    return {
        "path": finding.path,
        "problem": finding.problem,
        "last_good": finding.last_good,
        "remedy": finding.remedy,
    }


def _print(findings: tuple[Finding, ...]) -> None:
    out = console()
    for finding in findings:
        out.print(Text(f"✘ {finding.problem}", style="bold red"), soft_wrap=True)
        out.print(Text(f"  -> {finding.remedy}"), soft_wrap=True)
    if not findings:
        out.print("all documents can be read")
