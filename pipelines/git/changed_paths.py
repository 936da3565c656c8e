"""Which files a job changes: the difference between its commit and the one built before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from pipelines.git.local import local_git_environment
from pipelines.processes.capture import capture

_ANY_DEPTH = "**/"


def changed_paths(
    source: Path, since: str | None, commit: str | None, env: Mapping[str, str]
) -> tuple[str, ...] | None:
    """Paths in the source tree that differ between the two commits; None when that is unknown.

    A name that is no UTF-8 comes as `os.fsdecode` gives it. It is unknown before the checkout, for
    the first job of a branch, and when the earlier commit is no longer there.
    """
    if since is None or commit is None or not source.is_dir():
        return None
    got = capture(
        ("git", "diff", "--name-only", "--no-renames", "-z", f"{since}..{commit}", "--"),
        cwd=source,
        env=local_git_environment(env),
    )
    return None if got.code else tuple(path for path in got.output.split("\0") if path)


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns names the path; `*` also goes over `/`, `**/` is any folder."""
    return any(
        fnmatchcase(path, pattern)
        or (pattern.startswith(_ANY_DEPTH) and fnmatchcase(path, pattern.removeprefix(_ANY_DEPTH)))
        for pattern in patterns
    )
