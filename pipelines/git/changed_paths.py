"""The files that a job changes: the difference between its commit and the one built before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pipelines.git.own_git_dir import git_in_tree

_DIFF = ("diff", "--raw", "--no-renames", "-z")
_ANY_DEPTH = "**/"
_SUBMODULE = "160000"


@dataclass(frozen=True, slots=True)
class ChangedPath:
    """A path that differs between two commits."""

    path: str
    is_submodule: bool = False
    """Whether it is or was a submodule."""


def changed_paths(
    source: Path, since: str | None, commit: str | None, env: Mapping[str, str]
) -> tuple[ChangedPath, ...] | None:
    """Paths in the source tree that differ between the two commits; None when that is unknown.

    A name that is not UTF-8 is decoded by `os.fsdecode`. The difference is unknown before the
    checkout, for the first job of a branch, and when the earlier commit no longer exists.
    """
    if since is None or commit is None or not source.is_dir():
        return None
    got = git_in_tree(source, env, *_DIFF, "--end-of-options", f"{since}..{commit}", "--")
    if got.code:
        return None
    words = got.output.split("\0")[:-1]
    modes_and_paths = zip(words[::2], words[1::2], strict=True)
    return tuple(ChangedPath(path, _SUBMODULE in modes[:14]) for modes, path in modes_and_paths)


def matches(changed: ChangedPath, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns matches the path; `*` also matches `/`, `**/` is any folder.

    In a changed submodule any file may have changed: it matches each pattern that can match
    something below it.
    """
    return any(
        fnmatchcase(changed.path, each)
        or (changed.is_submodule and can_name_below(each, changed.path))
        for pattern in patterns
        for each in (pattern, pattern.removeprefix(_ANY_DEPTH))
    )


def can_name_below(pattern: str, folder: str) -> bool:
    """Whether the pattern can match something in the folder; true if uncertain."""
    above = f"{folder}/"
    ends = range(1, len(pattern) + 1)
    return any(
        fnmatchcase(above, pattern[:end]) and (end < len(pattern) or pattern[end - 1] == "*")
        for end in ends
    )
