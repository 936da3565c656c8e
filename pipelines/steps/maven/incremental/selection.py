"""Which modules a run of Maven has to build, and why the others can be left out. Pure.

Never Maven's own `-rf` hint: with `-T` it leaves out modules that were never built (MNG-5571).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.steps.maven.output.events import BuildEvents, BuiltModule
from pipelines.steps.maven.output.log import ModuleResult

SizeAndTime = Callable[[Path], tuple[int, int] | None]
"""Size and time (milliseconds) of a file; None when there is none."""

BUILT_BEFORE = "built by an earlier try of this job"


@dataclass(frozen=True, slots=True)
class Selection:
    """What Maven is told to build."""

    reason: str
    only: tuple[str, ...] = ()
    """Keys of modules; empty: all that the options say."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Names of the modules that are not built, each with the reason."""
    nothing: bool = False
    """All is built already."""
    is_surprise: bool = False
    """Whether less was asked for."""


def everything(reason: str, *, is_surprise: bool = False) -> Selection:
    """All modules that the options say."""
    return Selection(reason, is_surprise=is_surprise)


def not_yet_built(events: BuildEvents, stat: SizeAndTime, newest: Mapping[str, int]) -> Selection:
    """The modules that are not known to have succeeded, and only those.

    A module counts as built only while its files are what they were and are installed, because
    others are built against them, and while its source has no file that is newer. `newest` has
    the time (milliseconds) of the newest file in each module's folder, by key.
    """
    modules = events.modules
    if not modules:
        return everything("no module is known to be built")
    missing = {key for key, module in modules.items() if not is_built(module, stat)}
    changed = {key for key, module in modules.items() if newest.get(key, 0) > module.ended_ms}
    missing |= with_dependents(changed - missing, modules.values())
    if not missing and events.succeeded:
        return Selection("", (), _names(modules.values()), nothing=True)
    if not missing:
        return everything("every module was built, but Maven did not end well")
    if len(missing) == len(modules):
        return everything("no module is known to be built")
    kept = [module for key, module in modules.items() if key not in missing]
    only = tuple(key for key in modules if key in missing)
    return Selection(f"{len(kept)} modules are built already", only, _names(kept))


def with_dependents(keys: Iterable[str], modules: Iterable[BuiltModule]) -> set[str]:
    """The modules `keys` and all that need them, also through others."""
    found = set(keys)
    # Each module comes after those that it needs, so one pass finds them all.
    for module in modules:
        if found.intersection(module.needs):
            found.add(module.key)
    return found


def is_built(module: BuiltModule, stat: SizeAndTime) -> bool:
    """Whether a module succeeded, and what it made is what it was, installed too."""
    return (
        module.result is ModuleResult.SUCCESS
        and bool(module.files)
        and all(
            stat(place) == (file.size, file.mtime_ms)
            for file in module.files
            for place in (file.made, file.installed)
        )
    )


def _names(modules: Iterable[BuiltModule]) -> dict[str, str]:
    return {module.name: module.taken_from or BUILT_BEFORE for module in modules}


def touched_modules(
    changed: Iterable[str], folders: Mapping[str, str], parents: Collection[str]
) -> set[str] | str:
    """Keys of the modules to which changed files belong, or why everything has to be built.

    Paths are relative to the source; `folders` has each module's folder by key ("" is the root),
    `parents` the modules that others inherit from or that only hold others together. What belongs
    to one of those, or to no module, may matter to any: settings, checks, filters, scripts.
    """
    keys = {folder: key for key, folder in folders.items()}
    touched = set()
    for path in changed:
        owner = _owner(path, keys)
        if owner is None or owner in parents:
            return f"{path} belongs to the whole build"
        touched.add(owner)
    return touched


def _owner(path: str, keys: Mapping[str, str]) -> str | None:
    folder = path
    while folder:
        folder = folder.rpartition("/")[0]
        if folder in keys:
            return keys[folder]
    return None
