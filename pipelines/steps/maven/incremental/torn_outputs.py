"""Removes outputs of modules that may be torn: plugins use any file that is new enough.

The compiler plugin keeps a class that is newer than its source, and the jar plugin a jar that is
newer than its classes, even if a kill or a full disk has cut them short.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipelines.domain.pipeline import StepContext
from pipelines.git.local import git_output
from pipelines.steps.maven.output.events import BuildEvents, BuiltModule

_TIME_TO_REMOVE = 600.0


def remove_torn(events: BuildEvents, changed: Iterable[BuiltModule], context: StepContext) -> None:
    """Remove the build folders of modules that a kill, or a failure other than of tests, ended.

    `changed`: modules that succeeded, but whose files have changed. Raises StepFailed
    (CHECKOUT_FAILED).
    """
    torn = [module for module in events.modules.values() if module.may_be_torn]
    _remove([*torn, *changed], context)


def remove_all(events: BuildEvents, context: StepContext) -> None:
    """Remove the build folders of all modules that were started. Raises like `remove_torn`."""
    _remove([module for module in events.modules.values() if module.run], context)


def _remove(modules: Iterable[BuiltModule], context: StepContext) -> None:
    source = context.workspace.source
    folders = [module.folder or module.pom.parent / "target" for module in modules]
    inside = [str(folder) for folder in folders if _is_below(folder, source)]
    if not inside:
        return
    # Committed files in such a folder are kept.
    arguments = ("--literal-pathspecs", "clean", "-ffdxq", "--", *inside)
    problem = "git cannot remove the files of an earlier try of Maven"
    git_output(source, context.env, *arguments, problem=problem, timeout=_TIME_TO_REMOVE)


def _is_below(folder: Path, source: Path) -> bool:
    return folder != source and folder.is_relative_to(source)
