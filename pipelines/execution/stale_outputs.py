"""Removes what an earlier run of a step made before the step runs again.

Otherwise a script that makes nothing any more passes, with files that an older one made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pipelines.git.local import git_output
from pipelines.workspace.containment import lies_below


def remove_earlier_outputs(source: Path, earlier: Iterable[Path], env: Mapping[str, str]) -> None:
    """Remove the files `earlier` that are below `source`, but not those that the commit has.

    Raises StepFailed (CHECKOUT_FAILED) when git can't tell which these are.
    """
    inside = sorted(path for path in earlier if lies_below(path, source))
    there = [path for path in inside if path.is_file() or path.is_symlink()]
    if not there:
        return
    names = [str(path.relative_to(source)) for path in there]
    arguments = ("--literal-pathspecs", "ls-files", "-z", "--", *names)
    problem = f"git can't tell which files the commit has in {source}"
    committed = set(git_output(source, env, *arguments, problem=problem).split("\0"))
    for path, name in zip(there, names, strict=True):
        if name not in committed:
            path.unlink()
