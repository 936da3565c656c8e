"""`doit recover`: puts back what a rewound main has lost."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from common.cli.terminal_text import printable
from coordination_tasks.builder.acting_person import Acting, acting
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.commands.control.acting import OPTION_AS
from coordination_tasks.domain.errors import BadRequest, NotFound
from coordination_tasks.repository.draft import Draft
from coordination_tasks.repository.protocol import Version, VersionGone
from coordination_tasks.store.continuity import ContinuousRepository
from coordination_tasks.store.history import GitHistory
from coordination_tasks.store.operations.restoration import put_back
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.wiring.clones import memory, repository
from coordination_tasks.wiring.store import open_store

_SHORT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """An entry of the outbox."""

    job: str
    attempt: int
    kind: str
    refused: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """What main lacks, and what else this builder has."""

    main: str
    seen: str
    lost: tuple[str, ...]
    outbox: tuple[_Held, ...]
    workspaces: tuple[str, ...]
    written: bool


class RecoverCommand(FarmCommand):
    """doit command."""

    name = "recover"
    doc_purpose = "put back what main has lost"
    doc_usage = "--from-clone [--write] [--as NAME] [--json]"
    doc_description = """
For a main that was force-pushed to an older state, or a repository that was restored from a backup.
Compares main with the newest version that this builder has seen, which its local clone still has:
jobs, fencing tokens, transitions, manifests, plans, logs and the archive. Shows what main lacks,
and what this builder holds in its outbox and its workspaces. Changes nothing without --write.

--write adds the lost facts to main as it is now, in one commit without force. Run it on the builder
that has seen the newest version, then on those that still complain. A job that was claimed twice
keeps an end that it has, or is queued again; both claims are void. Afterwards the builders go on,
and send what is in their outboxes.

Exit codes: 0 shown or written, 1 cannot reach the coordination repository, 3 bad configuration or
usage, another farm's repository, or nothing to recover from.
"""
    group = "care"
    cmd_options = (
        {"name": "from_clone", "long": "from-clone", "type": bool, "default": False,
         "help": "from the local clone of this builder"},
        {"name": "write", "long": "write", "type": bool, "default": False,
         "help": "write what is shown"},
        OPTION_AS,
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self,
        from_clone: bool,
        write: bool,
        person: str,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        no_arguments(pos_args)
        if not from_clone:
            raise BadRequest("--from-clone is required: there is no other source")
        config = self.farm.config(builder)
        with _newest_seen(config) as before:
            main, lost = _lost(config, before)
            if write and lost:
                lost = _put_back(config, before, acting(person))
        report = _Report(
            main=main,
            seen=before.version,
            lost=lost,
            outbox=_outbox(config),
            workspaces=self.farm.pipelines.workspaces(config.state_dir).jobs(),
            written=write and bool(lost),
        )
        if json:
            sys.stdout.write(as_json(asdict(report)) + "\n")
        else:
            sys.stdout.write("".join(f"{printable(line)}\n" for line in _lines(report)))
        return 0


@contextmanager
def _newest_seen(config: BuilderConfig) -> Iterator[Snapshot]:
    """The newest version that this builder has seen. Raises NotFound when it is gone."""
    tip = Version(memory(config).load().tip)
    if not tip:
        raise NotFound("this builder has not seen main yet")
    # kept open: nobody removes a clone that is open
    with repository(config) as clone:
        try:
            clone.names(tip, "")
        except VersionGone:
            pass
        else:
            yield Snapshot(clone, tip)
            return
    with GitHistory(config.coordination_repository, config.state_dir / "history") as history:
        try:
            history.names(tip, "")
        except VersionGone as error:
            raise NotFound(
                f"the local clones no longer have version {tip}. Run this on another builder."
            ) from error
        yield history.snapshot(tip)


def _lost(config: BuilderConfig, before: Snapshot) -> tuple[str, tuple[str, ...]]:
    """Main as it is now, and what it lacks."""
    with repository(config) as clone:
        newest = ContinuousRepository(clone, memory(config), tell, restoring=True)
        main = newest.fetch()
        return main, put_back(Draft(newest, main, is_newest=True), before)


def _put_back(config: BuilderConfig, before: Snapshot, who: Acting) -> tuple[str, ...]:
    def write(draft: Draft) -> tuple[str, ...]:
        lost = put_back(draft, before)
        draft.note(f"{config.profile.id}: put back {len(lost)} facts that main had lost")
        return lost

    with open_store(config, tell, restoring=True, trailers=who.trailers) as store:
        return store.change(write, queue=True)


def _outbox(config: BuilderConfig) -> tuple[_Held, ...]:
    with Outbox(config.state_dir / "outbox.sqlite") as outbox:
        entries = (*outbox.pending(), *outbox.refused())
    return tuple(
        _Held(
            job=entry.job,
            attempt=entry.command.fence.attempt,
            kind=entry.name,
            refused=entry.refused,
        )
        for entry in entries
    )


def _lines(report: _Report) -> Iterator[str]:
    verb = "lacked" if report.written else "lacks"
    what = f"{len(report.lost)} facts" if report.lost else "nothing"
    yield (
        f"main ({report.main[:_SHORT] or 'empty'}) {verb} {what} of {report.seen[:_SHORT]}, the"
        f" newest version that this builder has seen{':' if report.lost else ''}"
    )
    yield from (f"  {line}" for line in report.lost)
    yield from _held_lines(report.outbox, report.workspaces)
    if report.written:
        yield "written: main has these facts again"
    elif report.lost:
        yield "nothing was written: `doit recover --from-clone --write` puts the facts back"


def _held_lines(outbox: Sequence[_Held], workspaces: Sequence[str]) -> Iterator[str]:
    if outbox or workspaces:
        yield "this builder also has:"
    for held in outbox:
        state = "refused" if held.refused else "waiting"
        yield f"  outbox: {held.kind} of job {held.job}, attempt {held.attempt} ({state})"
    yield from (f"  workspace: job {job}" for job in workspaces)
