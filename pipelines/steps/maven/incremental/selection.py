"""Which modules count as built, and which write files that others read. Pure.

Never Maven's own `-rf` hint: with `-T` it skips modules that were never built (MNG-5571).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.steps.maven.output.events import BuildEvents, BuiltModule
from pipelines.steps.maven.output.log import ModuleResult

SizeAndTime = Callable[[Path], tuple[int, int] | None]
"""Size and time (milliseconds) of a file; None when there is none."""
Listing = Callable[[Path], str]
"""Digest of the names, sizes and times of all files in a folder."""

BUILT_BEFORE = "built by an earlier try of this job"


@dataclass(frozen=True, slots=True)
class Selection:
    """The modules that Maven built and skipped."""

    reason: str
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Names of the skipped modules, each with the origin of its files."""
    open_modules: Mapping[str, str] = field(default_factory=dict)
    """Names of the modules with unknown inputs, each with the reason."""
    is_surprise: bool = False
    """Whether it is less than the options select."""


def selection_of(events: BuildEvents, why_all: str, *, is_surprise: bool) -> Selection:
    """The result of the latest run; `why_all` says why it built everything, if it did."""
    modules = events.modules.values()
    left = {m.name: m.taken_from for m in modules if events.runs and m.left_out == events.runs}
    open_modules = {module.name: module.open for module in modules if module.open}
    if left:
        return Selection(f"{len(left)} modules are already built", left, open_modules)
    reason = why_all or "no module has been built"
    return Selection(reason, left, open_modules, is_surprise)


def is_built(module: BuiltModule, stat: SizeAndTime, listing: Listing) -> bool:
    """Whether a module succeeded, and its files, also the installed ones, are unchanged."""
    return (
        module.result is ModuleResult.SUCCESS
        and bool(module.files)
        and bool(module.built_digest)
        and all(
            stat(place) == (file.size, file.mtime_ms)
            for file in module.files
            for place in (file.made, file.installed)
        )
        and all(stat(file.path) == (file.size, file.mtime_ms) for file in module.wrote)
        and module.folder is not None
        and listing(module.folder) == module.target
    )


def can_be_given_away(module: BuiltModule) -> bool:
    """Whether a build of another commit may reuse a built module."""
    return not module.open and not module.wrote


def readers_of_others(modules: Iterable[BuiltModule]) -> dict[str, set[str]]:
    """Keys of the modules that wrote files that a module reads, by its key."""
    known = tuple(modules)
    found: dict[str, set[str]] = {}
    for writer in known:
        for file in writer.wrote:
            for reader in known:
                if reader is not writer and _reads(reader, file.path, known):
                    found.setdefault(reader.key, set()).add(writer.key)
    return found


def written_into_left_out(events: BuildEvents) -> str:
    """A file of a module of the latest run that a skipped module reads; "" if none."""
    left = {key for key, module in events.modules.items() if module.left_out == events.runs}
    if not left:
        return ""
    known = tuple(events.modules.values())
    for writer in known:
        if writer.run == events.runs and writer.key not in left:
            for file in writer.wrote:
                for key in left:
                    if _reads(events.modules[key], file.path, known):
                        return (
                            f"{writer.name} wrote {file.path.name} into {events.modules[key].name}"
                        )
    return ""


def _reads(reader: BuiltModule, path: Path, modules: Iterable[BuiltModule]) -> bool:
    if any(path.is_relative_to(read) for read in reader.reads):
        return True
    if reader.folder and path.is_relative_to(reader.folder):
        return True
    folders = [m.pom.parent for m in modules if path.is_relative_to(m.pom.parent)]
    return bool(folders) and max(folders, key=lambda f: len(f.parts)) == reader.pom.parent
