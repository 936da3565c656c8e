"""`doit fsck`: what is wrong in the coordination repository, and what to do."""

from __future__ import annotations

import os
import sys

from rich.text import Text

from coordination_tasks.broken_documents import find_broken
from coordination_tasks.builder_config import BuilderConfig
from coordination_tasks.command import (
    OPTION_BUILDER,
    OPTION_JSON,
    FarmCommand,
    as_json,
    console,
    no_arguments,
    open_store,
)
from coordination_tasks.errors import BrokenDocument, HistoryRewritten
from coordination_tasks.finding import Finding
from coordination_tasks.git_history import GitHistory
from coordination_tasks.job_checks import check_jobs
from coordination_tasks.manifest_checks import check_manifests
from coordination_tasks.outbox import Outbox
from coordination_tasks.outbox_checks import check_outbox
from coordination_tasks.queue_rules import Wanted
from coordination_tasks.secrets import Secrets
from coordination_tasks.snapshot import Snapshot
from coordination_tasks.store import Store

EXIT_FOUND = 6
_REWOUND = (
    "this builder writes nothing until main has the lost commits again: ask who force-pushed to"
    " push them back, from any clone that has them"
)


class FsckCommand(FarmCommand):
    """doit command."""

    name = "fsck"
    doc_purpose = "find what is wrong in the coordination repository, and say what to do"
    doc_usage = "[--json]"
    doc_description = """
Reads the queue, locks, messages, what builders publish, and shared/*.json: what can't be read is
named with its last good version. Looks at jobs that wait in vain, at transitions that are illegal
or can't be read, at manifests of jobs that succeeded, at running jobs of builders that never told
of themselves, at a main that was rewound, and at this builder's outbox.
Nothing is changed.

Exit codes: 0 nothing found, 1 the coordination repository or the outbox can't be read, 3 bad
configuration or usage, 6 something is wrong.
"""
    cmd_options = (OPTION_JSON, OPTION_BUILDER)

    def _execute(self, json: bool, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        config = self.read_config(builder)
        with (
            open_store(config) as store,
            GitHistory(config.coordination_repository, config.state_dir / "history") as history,
        ):
            snapshot, rewound = _newest(store, history)
            broken = find_broken(snapshot, history)
            findings = (*rewound, *broken, *self._disagreements(config, snapshot))
        if json:
            sys.stdout.write(as_json([finding_as_json(finding) for finding in findings]) + "\n")
        else:
            _print(findings)
        return EXIT_FOUND if findings else 0

    def _disagreements(self, config: BuilderConfig, snapshot: Snapshot) -> tuple[Finding, ...]:
        wanted = Wanted(
            pipelines=self.known_pipelines(),
            default_pipeline=config.default_pipeline,
            terms=self.terms(Secrets(os.environ, config.secrets_file)),
        )
        with Outbox(config.state_dir / "outbox.sqlite") as outbox:
            told = tuple(check_outbox(snapshot, outbox))
        try:
            return (*check_jobs(snapshot, wanted), *check_manifests(snapshot), *told)
        except BrokenDocument:
            return told  # the queue is broken: named with its last good version


def _newest(store: Store, history: GitHistory) -> tuple[Snapshot, tuple[Finding, ...]]:
    """The newest version, and that it was rewound, if it was."""
    try:
        return store.snapshot(), ()
    except HistoryRewritten as error:
        # without the remedy, which names this command
        told = Finding(path="main", problem=f"main: {error.args[0]}", remedy=_REWOUND)
        return history.newest(), (told,)


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
        out.print("nothing is wrong")
