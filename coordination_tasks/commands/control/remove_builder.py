"""`doit remove-builder`: a builder leaves the farm for good; what it leaves is said first."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from common.yaml.findings import did_you_mean
from common.yaml.size import format_size
from coordination_tasks.builder.acting_person import acting
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.commands.base import as_json
from coordination_tasks.commands.control.acting import OPTION_AS, ActingCommand
from coordination_tasks.commands.views.output import write_lines
from coordination_tasks.domain.errors import BadRequest, Conflict, NotFound
from coordination_tasks.domain.model import is_builder_id
from coordination_tasks.domain.timestamps import elapsed, utc_now
from coordination_tasks.farm.artifacts.listing import JobArtifacts, list_artifacts
from coordination_tasks.farm.presence.observations import SILENT, Presence
from coordination_tasks.repository.draft import Draft
from coordination_tasks.repository.git.branches import GitBranches
from coordination_tasks.repository.git.step_logs import BRANCH_PREFIX
from coordination_tasks.repository.heartbeats import AUTO_PREFIX
from coordination_tasks.store.operations.control import Actor
from coordination_tasks.store.operations.departure import Holdings, holdings, leave
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.wiring.clones import branches
from coordination_tasks.wiring.reading import farm_overview, open_snapshot
from coordination_tasks.wiring.store import open_store

_NOTE_PREFIX = "claim-request-"
_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """Everything that a builder would leave behind."""

    builder: str
    presence: Presence | None
    """None: no heartbeat of it is known."""
    holdings: Holdings
    branches: Mapping[str, str]
    """The commit of each of its branches."""
    artifacts: Sequence[JobArtifacts]
    """Those of its jobs that no step published: they are on its disk alone."""
    unsent: int | None
    """Records in its outbox; None: it is another host's."""


class RemoveBuilderCommand(ActingCommand):
    """doit command."""

    name = "remove-builder"
    doc_purpose = "show what a builder that leaves for good holds; with --write, remove it"
    doc_usage = "BUILDER [--write] [--force] [--as NAME] [--json]"
    doc_description = """
Shows its running jobs, jobs that only it may claim, locks, drain, branches, status files, the
artifacts that lie only on its disk, and on its host the records that it has not sent. --write
queues its running jobs again, frees its locks, and removes drain, status files and branches. Jobs,
their records and manifests stay. --write needs a builder that is silent: one that works would
publish everything anew. --force does it for any.

Exit codes: 0 shown or removed, 1 cannot reach the coordination repository, 3 bad usage, unknown
builder, or one that is not silent.
"""
    group = "farm"
    completes = "builders"
    cmd_options = (
        {"name": "write", "long": "write", "type": bool, "default": False,
         "help": "remove it, instead of only showing what it holds"},
        {"name": "force", "long": "force", "type": bool, "default": False,
         "help": "even if it is not silent"},
        OPTION_AS,
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self,
        write: bool,
        force: bool,
        person: str,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        if len(pos_args) != 1:
            raise BadRequest("expected the name of one builder")
        config = self.farm.config(builder)
        refs = branches(config)
        with open_snapshot(config, tell) as snapshot:
            estate = read_estate(config, snapshot, refs, pos_args[0])
        if write:
            if not force:
                check_silent(estate)
            change_queue(config, person, lambda draft, who: leave(draft, estate.builder, who))
            refs.remove(estate.branches)
        if json:
            sys.stdout.write(as_json(_report(estate, removed=write)) + "\n")
        else:
            write_lines(_lines(estate, removed=write))
        return 0


def read_estate(
    config: BuilderConfig,
    snapshot: Snapshot,
    refs: GitBranches,
    builder: str,
    *,
    was_known: bool = False,
) -> Estate:
    """What the builder has. Raises BadRequest, BrokenDocument, NotFound unless it `was_known`."""
    if not is_builder_id(builder):
        raise BadRequest(f"invalid builder id {builder[:60]!r}")
    overview = farm_overview(config, snapshot)
    names = {f"{prefix}{builder}" for prefix in (AUTO_PREFIX, BRANCH_PREFIX, _NOTE_PREFIX)}
    held = holdings(snapshot, builder)
    presence = None
    if builder in snapshot.builders():
        status = snapshot.builder_status(builder)
        presence = overview.presence_of(status, utc_now())
        if status.heartbeats_at and status.heartbeats_at != "main":
            names.add(status.heartbeats_at)
    elif builder in overview.presences:
        presence = overview.presences[builder]
    found = refs.named(names)
    if not (held.is_known or found or was_known):
        known = overview.names(snapshot.builders())
        raise NotFound(f"unknown builder {builder!r}{did_you_mean(builder, known)}")
    listed = list_artifacts(snapshot, snapshot.jobs(), lambda _: False, tell)
    return Estate(
        builder=builder,
        presence=presence,
        holdings=held,
        branches=found,
        artifacts=[
            one
            for one in listed
            if snapshot.present_name(one.published.builder) == builder and not one.destinations
        ],
        unsent=_unsent(config, builder),
    )


def _unsent(config: BuilderConfig, builder: str) -> int | None:
    journal = folder_of(config, builder) / "outbox.sqlite"
    if not journal.exists():
        return None
    with Outbox(journal) as outbox:
        return len(outbox.pending()) + len(outbox.refused())


def folder_of(config: BuilderConfig, builder: str) -> Path:
    """Where the state of a builder is, if it is on this host."""
    return config.state_dir.parent / builder


def check_silent(estate: Estate) -> None:
    """Raise Conflict unless the builder is known to send no heartbeats."""
    if estate.presence is not None and estate.presence.liveness != SILENT:
        raise Conflict(
            f"builder {estate.builder} is not known to be silent. Stop it, and try again when its"
            " lease has expired, or use --force."
        )


def change_queue(
    config: BuilderConfig, person: str, change: Callable[[Draft, Actor], object]
) -> None:
    """Write a change of the queue by `person`, "" being the one at this machine."""
    who = acting(person)
    now = utc_now().replace(microsecond=0)
    actor = Actor(person=who.person, builder=config.profile.id, now=now)
    with open_store(config, tell, trailers=who.trailers) as store:
        store.change(lambda draft: change(draft, actor), queue=True)


def _lines(estate: Estate, *, removed: bool) -> Iterator[str]:
    held, name = estate.holdings, estate.builder
    yield f"builder {name}: {life_of(estate)}"
    if held.running:
        yield f"  runs {several(held.running)}: {'queued' if removed else 'to be queued'} again"
    for job_id in held.bound:
        yield f"  only it may claim {job_id}; change that with `doit set {job_id} --on any`"
    if held.locks:
        yield f"  holds the locks {several(held.locks)}"
    if held.drain:
        yield f"  {held.drain.partition(' (end it')[0]}"
    if estate.branches:
        yield f"  branches {several(sorted(estate.branches))}"
    if held.files:
        yield f"  files {several(held.files)}"
    yield from _on_its_disk(estate)
    if removed:
        yield f"builder {name} is no longer in the farm; records of its jobs stay"
    else:
        yield f"nothing was changed: `doit remove-builder {name} --write` removes it"


def _on_its_disk(estate: Estate) -> Iterator[str]:
    if estate.artifacts:
        size = format_size(sum(one.published.manifest.size for one in estate.artifacts))
        jobs = [one.job.id for one in estate.artifacts]
        yield f"  has the only artifacts of {several(jobs)} ({size}); `doit fetch JOB -o FOLDER`"
        yield "  copies them while its host can be reached"
    if estate.unsent:
        show = f"`doit outbox --builder {estate.builder}` shows them"
        yield f"  has {estate.unsent} unsent records; {show}"


def life_of(estate: Estate) -> str:
    """What is known of its heartbeats, for people."""
    found = estate.presence
    if found is None:
        return "no heartbeat"
    return f"{found.liveness}, last heartbeat {elapsed(found.still_for_seconds)} ago"


def several(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _report(estate: Estate, *, removed: bool) -> dict[str, object]:
    return {
        "builder": estate.builder,
        "removed": removed,
        "liveness": estate.presence.liveness if estate.presence else None,
        **asdict(estate.holdings),
        "branches": sorted(estate.branches),
        "artifacts": [
            {
                "job": one.job.id,
                "folder": one.published.manifest.folder,
                "size_bytes": one.published.manifest.size,
            }
            for one in estate.artifacts
        ],
        "unsent": estate.unsent,
    }
