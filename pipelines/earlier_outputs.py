"""Removes what an earlier run of a step made before the step runs again.

Otherwise a script that makes nothing any more passes, with files that an older one made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pipelines.capture import capture
from pipelines.errors import FailureCode, StepFailed
from pipelines.head_commit import local_git_environment


def remove_earlier_outputs(source: Path, earlier: Iterable[Path], env: Mapping[str, str]) -> None:
    """Remove the files `earlier` that are below `source`, but not those that the commit has.

    Raises StepFailed (CHECKOUT_FAILED) when git can't tell which these are.
    """
    inside = sorted(path for path in earlier if path.is_relative_to(source))
    there = [path for path in inside if path.is_file() or path.is_symlink()]
    if not there:
        return
    names = [str(path.relative_to(source)) for path in there]
    done = capture(
        ("git", "--literal-pathspecs", "ls-files", "-z", "--", *names),
        cwd=source,
        env=local_git_environment(env),
    )
    if done.code:
        raise StepFailed(
            FailureCode.CHECKOUT_FAILED,
            f"git can't tell which files the commit has in {source}",
            excerpt=done.text[:2000],
        )
    committed = set(done.output.split("\0"))
    for path, name in zip(there, names, strict=True):
        if name not in committed:
            path.unlink()
