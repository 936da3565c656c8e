"""The list for BuiltModules.java: what the modules that a run leaves out have made. Pure.

One line a file: its path below the local repository, where it is installed, a tab, and the file
that the module made. Not POMs: those have to be the ones that were installed.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pipelines.steps.maven.output.events import BuildEvents


def built_modules(events: BuildEvents, only: Collection[str], repository: Path) -> str:
    """The list for a run of the modules `only`; empty when all are built.

    A file whose name would break a line is not in it: Maven takes the installed one, as ever.
    """
    if not only:
        return ""
    lines = (
        f"{file.installed.relative_to(repository)}\t{file.made}\n"
        for key, module in events.modules.items()
        if key not in only
        for file in module.files
        if file.installed.suffix != ".pom" and file.installed.is_relative_to(repository)
    )
    return "".join(line for line in lines if line.count("\t") == 1 and line.count("\n") == 1)
