"""`doit rename-builder`: a builder gets another id; what it has stays its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.lock import acting_lock, watch_lock
from coordination_tasks.commands.base import as_json
from coordination_tasks.commands.control.acting import OPTION_AS, ActingCommand
from coordination_tasks.commands.control.remove_builder import (
    Estate,
    change_queue,
    check_silent,
    folder_of,
    life_of,
    read_estate,
    several,
)
from coordination_tasks.commands.views.output import write_lines
from coordination_tasks.domain.errors import BadRequest, Conflict
from coordination_tasks.domain.model import check_builder_id
from coordination_tasks.repository.git.branches import GitBranches
from coordination_tasks.repository.git.step_logs import BRANCH_PREFIX
from coordination_tasks.repository.heartbeats import own_place
from coordination_tasks.store.operations.departure import holdings, rename
from coordination_tasks.wiring.clones import branches
from coordination_tasks.wiring.reading import open_snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Renaming:
    """A builder, and its id to be."""

    estate: Estate
    new: str
    folder: Path | None
    """Of its state; None: it is on another host, or `was_moved`."""
    was_moved: bool
    target: Path
    """Where the folder is to be."""

    @property
    def old(self) -> str:
        """The id so far."""
        return self.estate.builder

    @property
    def is_here(self) -> bool:
        """Whether the builder is on this host."""
        return self.folder is not None


class RenameBuilderCommand(ActingCommand):
    """doit command."""

    name = "rename-builder"
    doc_purpose = "show what a builder has; with --write, give it another id"
    doc_usage = "OLD NEW [--write] [--force] [--as NAME] [--json]"
    doc_description = """
Its jobs that only it may claim, locks, drain, messages, status and published logs become those of
the new id. Records of its jobs keep the old one; fetch and logs still find what they name. On its
host --write also moves its folder in state_dir; on another host, run the command there, too, before
it starts again. Stop it first, and set `builder` in its builder.yaml afterwards.

--write refuses a builder that runs a job or has unsent records, and one that is not stopped: on its
host no doit build, watch or work may run, elsewhere it must be silent, or --force says that it is
stopped. A command that was interrupted can be repeated.

Exit codes: 0 shown or renamed, 1 cannot reach the coordination repository, 3 bad usage, unknown
builder, an id that is taken, or a builder that runs a job or is not stopped.
"""
    group = "farm"
    completes = "builders"
    cmd_options = (
        {"name": "write", "long": "write", "type": bool, "default": False,
         "help": "rename it, instead of only showing what it has"},
        {"name": "force", "long": "force", "type": bool, "default": False,
         "help": "it is stopped, although it is not silent yet"},
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
        if len(pos_args) != 2:  # noqa: PLR2004 - OLD and NEW
            raise BadRequest("expected the builder's id and its new one")
        config = self.farm.config(builder)
        refs = branches(config)
        found = _read(config, refs, *pos_args)
        if write:
            with self._stopped(found, force=force):
                _rename(config, refs, found, person)
                if found.folder:
                    self._move(found.folder, found.target)
        if json:
            sys.stdout.write(as_json(_report(found, renamed=write)) + "\n")
        else:
            write_lines(_lines(found, renamed=write))
        return 0

    @contextmanager
    def _stopped(self, found: Renaming, *, force: bool) -> Iterator[None]:
        """While this lasts, the builder does not start on this host. Raises Conflict."""
        with ExitStack() as locks:
            if found.is_here:
                own = self.farm.config(found.old)
                locks.enter_context(watch_lock(own))
                locks.enter_context(acting_lock(own))
            elif not force:
                check_silent(found.estate)
            if found.estate.unsent:
                raise Conflict(
                    f"builder {found.old} has {found.estate.unsent} unsent records. Send them first"
                    f" with `doit outbox --send --builder {found.old}`."
                )
            yield

    def _move(self, folder: Path, target: Path) -> None:
        """Manifests and records name files below the old folder: a link stays."""
        if folder.is_symlink():
            raise Conflict(f"{folder} was moved in the meantime. Look at `doit status`.")
        target.unlink(missing_ok=True)  # the link of an earlier renaming
        folder.rename(target)
        folder.symlink_to(target.name)
        self.farm.pipelines.workspaces(target).moved_from(folder)


def _read(config: BuilderConfig, refs: GitBranches, old: str, new: str) -> Renaming:
    check_builder_id(new)
    if old == new:
        raise BadRequest(f"builder {old} has that id already")
    if config.profile.id == new:
        raise BadRequest(
            f"you act as builder {new}. Set `builder: {new}` in builder.yaml afterwards,"
            f" or act as the old one with --builder {old}."
        )
    folder, target = folder_of(config, old), folder_of(config, new)
    was_moved = folder.is_symlink()
    is_here = folder.is_dir() and not was_moved
    is_link_to_it = target.is_symlink() and target.resolve() == folder.resolve()
    if is_here and not is_link_to_it and target.exists():
        raise Conflict(f"{target} exists. Move it away, or choose another id.")
    with open_snapshot(config, tell) as snapshot:
        was_renamed = snapshot.present_name(old) == new
        if not was_renamed and (
            holdings(snapshot, new).is_known or refs.named([BRANCH_PREFIX + new, own_place(new)])
        ):
            raise Conflict(f"builder id {new} is taken. Choose another one.")
        estate = read_estate(config, snapshot, refs, old, was_known=was_renamed)
    return Renaming(
        estate=estate,
        new=new,
        folder=folder if is_here else None,
        was_moved=was_moved,
        target=target,
    )


def _rename(config: BuilderConfig, refs: GitBranches, found: Renaming, person: str) -> None:
    change_queue(config, person, lambda draft, who: rename(draft, found.old, found.new, who))
    logs = BRANCH_PREFIX + found.old
    refs.rename({logs: BRANCH_PREFIX + found.new})
    refs.remove({name: at for name, at in found.estate.branches.items() if name != logs})


def _lines(found: Renaming, *, renamed: bool) -> Iterator[str]:
    yield f"builder {found.old}: {life_of(found.estate)}"
    yield from _possessions(found.estate)
    if found.folder:
        yield f"  folder {found.folder}{f', now {found.target}' if renamed else ''}"
    elif not found.was_moved:
        yield "  its folder is not on this host: run the same command there, too"
    if renamed:
        yield f"builder {found.old} is now {found.new}: set `builder: {found.new}` in its"
        yield "builder.yaml, and in allowed_signers if it signs, before you start it"
    else:
        again = f"doit rename-builder {found.old} {found.new} --write"
        yield f"nothing was changed: `{again}` renames it"


def _possessions(estate: Estate) -> Iterator[str]:
    held = estate.holdings
    if held.running:
        yield f"  runs {several(held.running)}: wait for the end"
    if held.bound:
        yield f"  only it may claim {several(held.bound)}"
    if held.locks:
        yield f"  holds the locks {several(held.locks)}"
    if held.drain:
        yield f"  {held.drain.partition(' (end it')[0]}"
    if estate.branches:
        yield f"  branches {several(sorted(estate.branches))}"
    if estate.artifacts:
        yield f"  has the only artifacts of {several([one.job.id for one in estate.artifacts])}"
    if estate.unsent:
        yield f"  has {estate.unsent} unsent records: to be sent first"


def _report(found: Renaming, *, renamed: bool) -> dict[str, object]:
    estate = found.estate
    return {
        "builder": found.old,
        "new": found.new,
        "renamed": renamed,
        "liveness": estate.presence.liveness if estate.presence else None,
        **asdict(estate.holdings),
        "branches": sorted(estate.branches),
        "artifacts": [one.job.id for one in estate.artifacts],
        "unsent": estate.unsent,
        "folder": found.folder,
        "moved_to": found.target if found.folder and renamed else None,
    }
