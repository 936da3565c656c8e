"""The good builds of the farm, from the marks of the coordination repository."""

from __future__ import annotations

from coordination_tasks.domain.errors import NotFound
from coordination_tasks.domain.good_builds import PREFIX, GoodBuild, good_builds, surplus
from coordination_tasks.repository.marks import Marks


def find_good_builds(marks: Marks, branch: str = "") -> list[GoodBuild]:
    """Of one branch, or of all (""), the newest first. Raises Unavailable."""
    found = good_builds(marks.named(PREFIX))
    return [build for build in found if branch in {"", build.branch}]


def last_good_build(marks: Marks, branch: str) -> GoodBuild:
    """The newest of a branch. Raises NotFound, Unavailable."""
    found = find_good_builds(marks, branch)
    if not found:
        raise NotFound(f"branch {branch[:80]!r} has no good build")
    return found[0]


def prune_good_builds(marks: Marks, keep: int, *, dry: bool = False) -> tuple[str, ...]:
    """Remove all marks but the `keep` newest of each branch; returns their names.

    Raises Unavailable, WriteRefused.
    """
    names = tuple(build.tag for build in surplus(find_good_builds(marks), keep))
    if names and not dry:
        marks.remove(names)
    return names
