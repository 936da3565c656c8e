"""Takes over from another job's build what another commit did not touch (`incremental: modules`).

A job has a source tree and a local repository of its own, so what is taken over is copied: what a
module made in its `target`, and what it has installed. It then stands in the job's record like a
module that the job built itself, and the rules of a rerun decide about the rest.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from common.atomic_files import write_durably
from pipelines.domain.pipeline import StepContext
from pipelines.git.local import local_git_environment
from pipelines.processes.capture import capture
from pipelines.steps.maven.incremental.record import ModuleRecord, size_and_time
from pipelines.steps.maven.incremental.selection import is_built, touched_modules, with_dependents
from pipelines.steps.maven.incremental.source_differences import own_differences
from pipelines.steps.maven.output.events import BuildEvents, BuiltModule, read_events

_SHORT = 12


@dataclass(frozen=True, slots=True)
class Donor:
    """A build that went well, with the same options and environment."""

    job: str
    commit: str
    source: str
    repository: str
    events: str
    began: float
    """Seconds of the epoch."""


_DONOR = TypeAdapter(Donor)


def remember(file: Path, donor: Donor) -> None:
    """Let later jobs take over from this build."""
    fields = {name: getattr(donor, name) for name in Donor.__slots__}
    write_durably(file, json.dumps(fields).encode())


def take_over(file: Path, record: ModuleRecord, context: StepContext, *, selected: bool) -> str:
    """Fill an empty record with the modules that another job has built and that are unchanged.

    Gives the reason when nothing can be taken over, else "". `selected`: the options name modules,
    and another POM could need a module that they did not have before.
    """
    donor = _read(file)
    if donor is None or not Path(donor.events).is_file():
        return "no build of another commit is known on this builder"
    with Path(donor.events).open(encoding="utf-8", errors="replace", newline="\n") as lines:
        events = read_events(lines)
    changed = _changed_files(donor, context)
    if changed is None:
        return f"commit {donor.commit[:_SHORT]}, which was built before, is not here any more"
    if selected and (pom := next((path for path in changed if path.endswith("pom.xml")), None)):
        return f"{pom} was changed"
    source = context.workspace.source
    changed += own_differences(source, Path(donor.source), donor.began, context.env)
    touched = _touched(events, changed, Path(donor.source))
    if isinstance(touched, str):
        return touched
    again = with_dependents(touched, events.modules.values())
    try:
        _copy(donor, events, again, record, context)
    except FileNotFoundError as error:
        return f"{error.filename} is gone from job {donor.job}"
    return ""


def _read(file: Path) -> Donor | None:
    try:
        return _DONOR.validate_python(json.loads(file.read_text()))
    except (FileNotFoundError, ValueError):
        return None  # none, or none of ours: everything is built


def _changed_files(donor: Donor, context: StepContext) -> list[str] | None:
    # Without renames: a file that moved was taken from one module and given to another.
    argv = ["git", "-c", "core.quotePath=false", "diff", "--name-only", "--no-renames", "-z"]
    done = capture(
        [*argv, donor.commit, "HEAD", "--"],
        cwd=context.workspace.source,
        env=local_git_environment(context.env),
    )
    return None if done.code else [path for path in done.output.split("\0") if path]


def _touched(events: BuildEvents, changed: Sequence[str], source: Path) -> set[str] | str:
    modules = events.modules.values()
    folders = {module.key: _relative(module.pom.parent, source) for module in modules}
    parents = {module.key for module in modules if module.packaging == "pom"}
    return touched_modules(changed, folders, parents)


def _relative(folder: Path, source: Path) -> str:
    relative = os.path.relpath(folder, source)
    return "" if relative == "." else relative


def _copy(
    donor: Donor,
    events: BuildEvents,
    again: set[str],
    record: ModuleRecord,
    context: StepContext,
) -> None:
    """Copy what is not built again, and say so in the record: a kill may come at any time."""
    planned = (_planned(module, donor, context) for module in events.modules.values())
    _append(record.path, ["run", *planned])
    taken = 0
    taken_from = f"unchanged since commit {donor.commit[:_SHORT]}, built by job {donor.job}"
    for module in events.modules.values():
        context.commands.check_cancelled()
        if module.key in again or not is_built(module, size_and_time):
            continue
        _append(record.path, [f"started\t{module.key}"])
        files = _take(module, donor, context)
        ends = (f"taken\t{module.key}\t{taken_from}", f"succeeded\t{module.key}")
        _append(record.path, [*files, *ends])
        taken += 1
    if taken == len(events.modules):
        _append(record.path, ["ended\tsucceeded"])


def _planned(module: BuiltModule, donor: Donor, context: StepContext) -> str:
    pom = _here(module.pom, donor, context)
    fields = (module.key, str(pom), module.packaging, ",".join(module.needs), module.name)
    return "\t".join(("planned", *fields))


def _take(module: BuiltModule, donor: Donor, context: StepContext) -> list[str]:
    target = module.pom.parent / "target"
    if target.is_dir():
        shutil.copytree(target, _here(target, donor, context), symlinks=True, dirs_exist_ok=True)
    lines = []
    for file in module.files:
        made, installed = (_here(path, donor, context) for path in (file.made, file.installed))
        if not made.exists():
            made.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file.made, made)
        installed.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file.installed, installed)
        # A POM was checked out anew: Maven would give what it installs the time of that.
        stat = made.stat()
        os.utime(installed, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        size, mtime = size_and_time(made) or (0, 0)
        lines.append(f"file\t{module.key}\t{made}\t{installed}\t{size}\t{mtime}")
    return lines


def _here(path: Path, donor: Donor, context: StepContext) -> Path:
    """The place in this job that `path` has in the donor's."""
    for theirs, ours in (
        (Path(donor.repository), context.workspace.maven_repository),
        (Path(donor.source), context.workspace.source),
    ):
        if path.is_relative_to(theirs):
            return ours / path.relative_to(theirs)
    raise FileNotFoundError(2, "is outside of its job", str(path))


def _append(record: Path, lines: Iterable[str]) -> None:
    now = int(time.time() * 1000)
    with record.open("a", encoding="utf-8") as stream:
        stream.writelines(f"{now}\t{line}\n" for line in lines)
