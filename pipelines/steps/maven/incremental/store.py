"""Where results of modules are kept, and the settings with which Maven keeps and uses them.

A result is a file `GROUP+ARTIFACT/KEY-SHA256.zip` (KeptModule.java): KEY is the digest of all that
it was made from, SHA256 that of the file itself, so a torn or changed file is never used. Maven
writes only below the job's folder: into `job/` what only this job may use, into `all/` what other
jobs may use, too. That moves into the builder's store when Maven has ended.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.atomic_files import replace_file
from pipelines.domain.pipeline import StepContext
from pipelines.execution.success_records import SuccessRecords
from pipelines.git.remote import public_url
from pipelines.steps.maven.extension.listener import sources_digest
from pipelines.steps.maven.output.events import BuildEvents
from pipelines.workspace.host_lock import host_lock
from pipelines.workspace.layout import folder_name
from pipelines.workspace.removal import discard

Incremental = Literal["off", "rerun", "modules"]
_MODULE = re.compile(r"[A-Za-z0-9_.+-]+")
_LENT = 3
"""Results of a module that a clean root gets: those that were used last."""
_KEY_LENGTH = 64
_RESULT = re.compile(r"(?P<key>[0-9a-f]{64})-(?P<digest>[0-9a-f]{64})\.zip")


@dataclass(frozen=True, slots=True)
class ModuleStore:
    """What one step of a job keeps and uses."""

    settings: Path
    """The file that Maven reads."""
    own: Path
    """What this job has kept."""
    shared: Path | None
    """What all jobs of the same source repository have kept; None: only this job's counts."""
    lines: tuple[str, ...]
    """The settings without the paths, which are others in a clean root."""

    def text(self, *, source: Path, job: Path, own: Path, shared: Path | None) -> str:
        """The settings for a Maven that sees these folders at these paths. Pure."""
        paths = {"source": source, "job": job, "own": own}
        named = [f"{name}\t{path}" for name, path in paths.items()]
        lines = (*self.lines, *named, *([f"shared\t{shared}"] if shared else []))
        return "".join(f"{line}\n" for line in lines)

    def finish(self, context: StepContext, events: BuildEvents) -> None:
        """After Maven has ended: let other jobs use what may be used, and note what was used.

        Results of a job that is not trusted stay with it. After a change of what was used,
        everything that this job has kept is removed instead.
        """
        if events.stale:
            discard(self.own, context.workspace.discarded)
        elif self.shared and events.succeeded is not None and context.is_trusted():
            lock, cancelled = self.shared.with_suffix(".lock"), context.commands.check_cancelled
            with host_lock(lock, cancelled):
                for file in list(results_in(self.own / "all")):
                    _move(file, self.shared / file.parent.name)
        used = {module.origin.digest for module in events.modules.values() if module.origin}
        for file in list(results_in(self.shared)) if self.shared and used else ():
            if file.name[:_KEY_LENGTH] in used:
                with suppress(FileNotFoundError):  # a cleanup may remove it meanwhile
                    os.utime(file)


def open_store(
    context: StepContext,
    incremental: Incremental,
    *,
    commit: str,
    pure_plugins: Sequence[str] = (),
    module_inputs: Mapping[str, Sequence[str]] | None = None,
) -> ModuleStore | None:
    """The store of a step, with its settings written; None when every module is built.

    After a request for a new run neither earlier results of the job nor those of others count.
    """
    if incremental == "off":
        return None
    workspace = context.workspace
    asked_for = SuccessRecords(workspace.successes).forgotten_at(context.step)
    folder = workspace.module_events_folder / f"{folder_name(context.step)}.modules"
    own = folder / str(asked_for)
    for other in folder.glob("*"):
        if other != own:
            discard(other, workspace.discarded)
    own.mkdir(parents=True, exist_ok=True)
    shared = None
    if incremental == "modules" and not asked_for:
        # A repository can write what it wants into its results, but not into those of others.
        shared = workspace.kept_modules / folder_name(public_url(context.source.repository))
        shared.mkdir(parents=True, exist_ok=True)
    lines = (
        *(f"pure\t{plugin}" for plugin in pure_plugins),
        *(f"reads\t{name}\t{p}" for name, paths in (module_inputs or {}).items() for p in paths),
        f"extension\t{sources_digest()}",
        f"from\t{workspace.job_id}\t{commit}",
    )
    store = ModuleStore(folder.with_suffix(".settings"), own, shared, lines)
    text = store.text(source=workspace.source, job=workspace.root, own=own, shared=shared)
    replace_file(store.settings, text.encode())
    return store


def results_in(folder: Path) -> Iterator[Path]:
    """The kept results below `folder`, one folder for each module. Links are not followed."""
    if not folder.is_dir() or folder.is_symlink():
        return
    for module in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if module.is_dir(follow_symlinks=False) and _MODULE.fullmatch(module.name):
            for file in sorted(os.scandir(module.path), key=lambda entry: entry.name):
                if file.is_file(follow_symlinks=False) and _RESULT.fullmatch(file.name):
                    yield Path(file.path)


def take_back(folder: Path, store: ModuleStore) -> None:
    """Make what a Maven in a clean root has kept in `folder` the job's own."""
    for kind in ("job", "all"):
        for file in list(results_in(folder / kind)):
            for other in (store.own / kind / file.parent.name).glob(f"{file.name[:_KEY_LENGTH]}-*"):
                other.unlink()  # the root has built the module again
            _move(file, store.own / kind / file.parent.name)


def lend(store: ModuleStore, modules: Iterable[str], own: Path, shared: Path) -> None:
    """Link what may be used of these modules (`group/artifact`) below `own` and `shared`."""
    for kind in ("job", "all"):
        for file in results_in(store.own / kind):
            _link(file, own / kind / file.parent.name)
    for module in modules if store.shared else ():
        group, _, artifact = module.rpartition("/")
        name = f"{group.replace('/', '.')}+{artifact}"
        files = sorted((store.shared or own).glob(f"{name}/*.zip"), key=_modified, reverse=True)
        for file in files[:_LENT]:
            _link(file, shared / name)


def _link(file: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file.name).hardlink_to(file)


def _modified(file: Path) -> float:
    return file.stat().st_mtime


def _move(file: Path, folder: Path) -> None:
    """Move a result into the store, unless it has a complete one of the same key."""
    name = _RESULT.fullmatch(file.name)
    if name is None or not _is_complete(file):
        file.unlink()
        return
    folder.mkdir(parents=True, exist_ok=True)
    for other in folder.glob(f"{name['key']}-*"):
        if _is_complete(other):
            file.unlink()
            return
        other.unlink()
    file.chmod(0o444)
    file.rename(folder / file.name)


def _is_complete(file: Path) -> bool:
    name = _RESULT.fullmatch(file.name)
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    return name is not None and name["digest"] == found
