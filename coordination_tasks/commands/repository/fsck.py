"""`doit fsck`: problems of the coordination repository, with remedies."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from rich.text import Text

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from coordination_tasks.build.attempt.own_plans import own_plans
from coordination_tasks.builder.acting_person import acting
from coordination_tasks.builder.claim_intent import own_intent
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.lock import while_idle
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.builder.secret_values import Secrets
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.commands.control.acting import OPTION_AS
from coordination_tasks.commands.tables import console
from coordination_tasks.domain.errors import BrokenDocument, HistoryRewritten, NotFound
from coordination_tasks.domain.scheduling import Wanted
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.farm.presence.observations import Presence
from coordination_tasks.farm.presence.overview import FarmOverview
from coordination_tasks.farm.signed_jobs import job_judge
from coordination_tasks.fsck.documents import find_broken, find_secrets
from coordination_tasks.fsck.finding import Finding
from coordination_tasks.fsck.git_locks import check_locks
from coordination_tasks.fsck.jobs import check_jobs
from coordination_tasks.fsck.manifests import check_manifests
from coordination_tasks.fsck.outbox import check_outbox
from coordination_tasks.fsck.plans import check_plans, check_signed
from coordination_tasks.fsck.references import check_references
from coordination_tasks.fsck.repair import Repair
from coordination_tasks.fsck.stalled import (
    check_denied,
    check_dropped,
    check_killed,
    check_stalled,
)
from coordination_tasks.repository.memory import MemoryRemote, MemoryRepository
from coordination_tasks.repository.protocol import NOTHING
from coordination_tasks.store.attempt_commands import Record
from coordination_tasks.store.history import GitHistory
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store
from coordination_tasks.wiring.reading import farm_overview
from coordination_tasks.wiring.store import open_store
from coordination_tasks.wiring.watch import make_watch

EXIT_FOUND = 6
_REWOUND = (
    "this builder writes nothing until main has the lost facts again: `doit recover --from-clone`"
    " shows them, and puts them back."
)


@dataclass(frozen=True, slots=True)
class _Look:
    """The findings, and the data that they are based on."""

    snapshot: Snapshot
    presences: Mapping[str, Presence]
    told: Mapping[str, bytes]
    findings: tuple[Finding, ...]
    is_rewound: bool


class FsckCommand(FarmCommand):
    """doit command."""

    name = "fsck"
    doc_purpose = "find problems in the coordination repository, and show remedies"
    doc_usage = "[--repair] [--as NAME] [--json]"
    doc_description = """
Reads the queue, locks, messages, builder status, shared/*.json and the archive, and shows the last
valid version of unreadable documents or a missing queue. Finds illegal or unreadable transitions;
transitions, manifests and plans without a job, or missing ones; jobs that can never start; queued
jobs whose plan this builder refuses, since its own pipelines file never made it; running jobs whose
builder sent no heartbeat for a lease, as observed from this machine (no clocks are compared; a
running `doit watch` improves this), whose builder says that it does something else, or of a killed
build of this builder; jobs whose members another program removed; what looks like a secret in the
documents; builders that report a job that they do not have; expired or endless locks; a
main that was reset to an older state; problems of this builder's outbox; and lock files that a
killed git left in its clones.
Changes nothing without --repair.

--repair does what is safe: it removes such lock files, drops outbox entries that are already
recorded and sends waiting ones, releases the job of a killed build of this builder, releases
expired locks with a message to all, corrects this builder's own status, and observes for a lease
whether the builders of running jobs are alive: it requeues the jobs of dead ones. Then it shows the
rest: broken documents, refused entries and lost records need a person.

Exit codes: 0 no problems (left), 1 cannot read the coordination repository or the outbox,
3 bad configuration or usage, 6 problems found.
"""
    group = "care"
    cmd_options = (
        {"name": "repair", "long": "repair", "type": bool, "default": False,
         "help": "repair what is safe, then show the rest"},
        OPTION_AS,
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self, repair: bool, person: str, json: bool, builder: str, pos_args: list[str]
    ) -> int:
        no_arguments(pos_args)
        config = self.farm.config(builder)
        who = acting(person)
        done: list[str] = []
        with ExitStack() as stack:
            store = stack.enter_context(open_store(config, tell, trailers=who.trailers))
            outbox = stack.enter_context(Outbox(config.state_dir / "outbox.sqlite"))
            history = _open_history(config, stack)
            wanted = self._wanted(config)
            look = self._look(config, store, outbox, history, wanted)
            if repair and look.findings:
                self._repair(config, store, outbox, look, done, who.person)
                look = self._look(config, store, outbox, history, wanted)
        if json:
            sys.stdout.write(as_json(fsck_as_json(look.findings, done)) + "\n")
        else:
            _print(look.findings, done)
        return EXIT_FOUND if look.findings else 0

    def _wanted(self, config: BuilderConfig) -> Wanted | None:
        """What this builder can take of the queue; None when its pipelines are not known."""
        problem = self.pipelines_problem()
        if problem:
            tell(f"doit fsck: {problem}; queued jobs are not compared with the pipelines")
            return None
        return Wanted(
            pipelines=self.known_pipelines(),
            default_pipeline=config.default_pipeline,
            terms=self.terms(Secrets(os.environ, config.secrets_file)),
        )

    def _look(
        self,
        config: BuilderConfig,
        store: Store,
        outbox: Outbox,
        history: GitHistory | None,
        wanted: Wanted | None,
    ) -> _Look:
        snapshot, rewound = _newest(store, history)
        overview = farm_overview(config, snapshot)
        ended = {entry.job for entry in outbox.pending() if not isinstance(entry.command, Record)}
        findings = (
            *rewound,
            *(find_broken(snapshot, history) if history else ()),
            *find_secrets(snapshot),
            *_disagreements(config, snapshot, overview, ended, wanted),
            *_unsigned(config, snapshot),
            *(self._foreign_plans(config, snapshot, wanted) if wanted else ()),
            *check_outbox(snapshot, outbox),
            *check_locks(config.state_dir),
        )
        return _Look(
            snapshot, overview.presences, overview.told, findings, is_rewound=bool(rewound)
        )

    def _foreign_plans(
        self, config: BuilderConfig, snapshot: Snapshot, wanted: Wanted
    ) -> tuple[Finding, ...]:
        plans = own_plans(config.state_dir, self.farm.pipelines.planner)
        try:
            return tuple(
                check_plans(
                    snapshot,
                    lambda job, recorded: plans.find(wanted.pipeline_of(job) or "", recorded),
                )
            )
        except BrokenDocument:
            return ()  # the queue is broken: reported with its last valid version

    def _repair(
        self,
        config: BuilderConfig,
        store: Store,
        outbox: Outbox,
        look: _Look,
        done: list[str],
        person: str,
    ) -> None:
        watch = make_watch(self.farm.pipelines, config, store, outbox, done.append, person=person)
        Repair(
            state_dir=config.state_dir,
            store=store,
            outbox=outbox,
            watch=watch,
            done=done,
            every=config.observe_every,
            tell=lambda line: tell(f"doit fsck: {line}"),
            now=utc_now(),
            sleep=time.sleep,
            monotonic=time.monotonic,
        ).run(look.snapshot, look.presences, look.told, may_write=not look.is_rewound)


def _disagreements(
    config: BuilderConfig,
    snapshot: Snapshot,
    overview: FarmOverview,
    ended: Collection[str],
    wanted: Wanted | None,
) -> tuple[Finding, ...]:
    try:
        return (
            *check_jobs(snapshot, wanted),
            *check_references(snapshot),
            *check_manifests(snapshot),
            *check_stalled(snapshot, overview.presences, now=utc_now()),
            *check_denied(snapshot, overview.told),
            *check_dropped(snapshot),
            *check_killed(snapshot, _left_claim(config), ended),
        )
    except BrokenDocument:
        return ()  # the queue is broken: reported with its last valid version


def _left_claim(config: BuilderConfig) -> str | None:
    """The claim that a killed build of this builder left behind; None while a build is running."""
    with while_idle(config) as idle:
        return own_intent(config.state_dir).read() if idle else None


def _unsigned(config: BuilderConfig, snapshot: Snapshot) -> tuple[Finding, ...]:
    try:
        return tuple(check_signed(snapshot, job_judge(config)))
    except BrokenDocument:
        return ()  # the queue is broken: reported with its last valid version


def _open_history(config: BuilderConfig, stack: ExitStack) -> GitHistory | None:
    """The history; None while there is none."""
    folder = config.state_dir / "history"
    try:
        return stack.enter_context(GitHistory(config.coordination_repository, folder))
    except NotFound:
        return None


def _newest(store: Store, history: GitHistory | None) -> tuple[Snapshot, tuple[Finding, ...]]:
    """The newest version, with a finding if main was reset to an older state."""
    try:
        return store.snapshot(), ()
    except HistoryRewritten as error:
        # without the remedy, which names this command
        told = Finding(path="main", problem=f"main: {error.args[0]}", remedy=_REWOUND)
    nothing = Snapshot(MemoryRepository(MemoryRemote()), NOTHING)
    return history.newest() if history else nothing, (told,)


def fsck_as_json(findings: tuple[Finding, ...], repaired: Sequence[str]) -> dict[str, object]:
    """The problems and the repairs; `last_good` is a commit or null."""
    return {
        "repaired": repaired,
        "findings": [
            {
                "path": finding.path,
                "problem": finding.problem,
                "last_good": finding.last_good,
                "remedy": finding.remedy,
            }
            for finding in findings
        ],
    }


def _print(findings: tuple[Finding, ...], repaired: Sequence[str]) -> None:
    out = console()
    for line in repaired:
        out.print(Text(f"✔ {line}", style="bold green"), soft_wrap=True)
    for finding in findings:
        out.print(Text(f"✘ {finding.problem}", style="bold red"), soft_wrap=True)
        out.print(Text(f"  -> {finding.remedy}"), soft_wrap=True)
    if not findings:
        out.print("no problems left" if repaired else "no problems found")
