"""Removes what modules have made, before all of them are built in the same tree."""

from __future__ import annotations

from pathlib import Path

from pipelines.domain.pipeline import StepContext
from pipelines.git.local import git_output
from pipelines.steps.maven.output.events import BuildEvents

_TIME_TO_REMOVE = 600.0


def remove_results(events: BuildEvents, context: StepContext) -> None:
    """Remove the untracked files of all folders of modules. Raises StepFailed (CHECKOUT_FAILED)."""
    source = context.workspace.source
    folders = [module.folder or module.pom.parent / "target" for module in events.modules.values()]
    inside = [str(folder) for folder in folders if _is_below(folder, source)]
    if inside:
        # Committed files in such a folder are kept.
        arguments = ("--literal-pathspecs", "clean", "-ffdxq", "--", *inside)
        problem = "git cannot remove the files of an earlier run of Maven"
        git_output(source, context.env, *arguments, problem=problem, timeout=_TIME_TO_REMOVE)


def _is_below(folder: Path, source: Path) -> bool:
    return folder != source and folder.is_relative_to(source)
