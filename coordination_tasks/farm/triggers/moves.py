"""Which branches and tags have moved since a trigger looked last. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from common.settings.triggers import Push
from coordination_tasks.farm.triggers.source import Refs
from coordination_tasks.store.operations.trigger_state import TriggerState

MOST_MOVES = 100
"""Moves of one look: the others follow with the next one, so that no write becomes too large."""
_BRANCHES, _TAGS = "branches", "tags"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A branch or tag that names another commit than before."""

    name: str
    commit: str
    before: str | None
    """None: it is new."""
    is_tag: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """What a look at the source found."""

    state: TriggerState
    """What is to be recorded."""
    moves: tuple[Move, ...] = ()
    gone: tuple[str, ...] = ()
    """Branches that were deleted."""
    noted: int = 0
    """Branches and tags that were seen for the first time, and start nothing."""
    left: int = 0
    """Moves that follow with the next look."""


def find_moves(seen: TriggerState | None, refs: Refs, push: Push) -> Moves:
    """Compare what a trigger has seen with the source.

    At the first look, and for patterns that are new, everything there is only noted: else a new
    trigger would build each branch that exists.
    """
    branches = {name: c for name, c in refs.branches.items() if push.takes_branch(name)}
    tags = {name: c for name, c in refs.tags.items() if push.takes_tag(name)}
    before = seen or TriggerState()
    old = Push(branches=before.patterns.get(_BRANCHES, ()), tags=before.patterns.get(_TAGS, ()))
    moved = [
        *_moved(before.branches, branches, old.takes_branch, is_tag=False),
        *_moved(before.tags, tags, old.takes_tag, is_tag=True),
    ]
    taken = moved[:MOST_MOVES]
    waiting = {(move.is_tag, move.name): move.before for move in moved[MOST_MOVES:]}
    new = len(branches.keys() - before.branches.keys()) + len(tags.keys() - before.tags.keys())
    return Moves(
        state=replace(
            before,
            branches=_recorded(branches, waiting, is_tag=False),
            tags=_recorded(tags, waiting, is_tag=True),
            patterns={_BRANCHES: push.branches, _TAGS: push.tags},
        ),
        moves=tuple(taken),
        gone=tuple(sorted(before.branches.keys() - refs.branches.keys())),
        noted=new - sum(move.before is None for move in moved),
        left=len(waiting),
    )


def _moved(
    before: Mapping[str, str],
    now: Mapping[str, str],
    was_watched: Callable[[str], bool],
    *,
    is_tag: bool,
) -> Sequence[Move]:
    return [
        Move(name=name, commit=commit, before=before.get(name), is_tag=is_tag)
        for name, commit in sorted(now.items())
        if before.get(name) != commit and (name in before or was_watched(name))
    ]


def _recorded(
    now: Mapping[str, str], waiting: Mapping[tuple[bool, str], str | None], *, is_tag: bool
) -> dict[str, str]:
    """The commits now, but the earlier one of each move that waits; a new name is left out."""
    found: dict[str, str] = {}
    for name, commit in sorted(now.items()):
        kept = waiting.get((is_tag, name), commit)
        if kept is not None:
            found[name] = kept
    return found
