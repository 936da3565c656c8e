"""Which files two source trees have differently beside what their commits say.

Steps before a build write into the tree what no commit knows: a version, a file made from a
parameter. Only what a tree does not have from its commit is looked at.
"""

from __future__ import annotations

import filecmp
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from pipelines.git.local import git_output
from pipelines.steps.maven.incremental.record import NO_SOURCE

_MODIFIED = ("diff", "--name-only", "--no-renames", "-z", "HEAD", "--")
_OTHERS = ("ls-files", "--others", "-z")
_TIME_TO_LOOK = 600.0


def own_differences(source: Path, other: Path, since: float, env: Mapping[str, str]) -> list[str]:
    """Paths of what `source` or `other` does not have from its commit and that is not the same.

    `since` is the time (seconds of the epoch) at which `other` was begun to be built: what it has
    from then on its build has made, and `source` need not have it. Raises StepFailed
    (CHECKOUT_FAILED) when git can't tell.
    """
    ours, theirs = _not_committed(source, env), _not_committed(other, env)
    made_by_build = {path for path in theirs - ours if _is_newer(other / path, since)}
    paths = sorted((ours | theirs) - made_by_build)
    return [path for path in paths if not _is_same(source / path, other / path)]


def _not_committed(source: Path, env: Mapping[str, str]) -> set[str]:
    excluded = [f":(exclude,glob)**/{name}/**" for name in sorted(NO_SOURCE)]
    found: set[str] = set()
    for arguments in (_MODIFIED, (*_OTHERS, "--", ".", *excluded)):
        problem = f"git can't tell what was changed in {source}"
        output = git_output(source, env, *arguments, problem=problem, timeout=_TIME_TO_LOOK)
        found |= {path for path in output.split("\0") if path}
    return {path for path in found if NO_SOURCE.isdisjoint(PurePosixPath(path).parts)}


def _is_newer(path: Path, since: float) -> bool:
    return path.is_file() and path.stat().st_mtime >= since


def _is_same(one: Path, other: Path) -> bool:
    if one.is_file() and other.is_file():
        return filecmp.cmp(one, other, shallow=False)
    return not any(path.exists() or path.is_symlink() for path in (one, other))
