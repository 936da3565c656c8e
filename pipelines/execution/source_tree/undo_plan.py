"""Which changes must be undone before steps run again. Pure.

Files of another step that a step overwrote are lost: that other step must run again, too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass

from pipelines.execution.source_tree.changes import Changes


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """Changes to make in the tree."""

    steps: Set[str]
    """Steps whose changes are undone."""
    remove: Set[str]
    """Paths to remove."""
    restore: Mapping[str, int]
    """Paths to restore from the commit, with their modes."""


def plan_undo(
    again: Collection[str],
    changes: Mapping[str, Changes],
    is_kept: Callable[[str, str], bool] = lambda _step, _path: False,
) -> UndoPlan:
    """Undo the changes of the steps `again`, and of those whose files they overwrote.

    `is_kept(step, path)` is whether a step guarantees the path: it is kept.
    """
    steps = {step for step in again if step in changes}
    while True:
        remove: set[str] = set()
        restore: dict[str, int] = {}
        for step in steps:
            own = changes[step]
            remove |= {path for path in own.added if not is_kept(step, path)}
            restore |= {p: mode for p, mode in own.changed.items() if not is_kept(step, p)}
        touched = remove | restore.keys()
        joined = {
            step
            for step, other in changes.items()
            if step not in steps and _is_entangled(other, steps, changes, touched)
        }
        if not joined:
            kept = {path: mode for path, mode in restore.items() if path not in remove}
            return UndoPlan(steps, remove, kept)
        steps |= joined


def _is_entangled(
    other: Changes, steps: Set[str], changes: Mapping[str, Changes], touched: Set[str]
) -> bool:
    at_once = other.shared_with & steps or any(other.step in changes[s].shared_with for s in steps)
    return bool(at_once) or not touched.isdisjoint(other.paths)


def remaining(changes: Changes, plan: UndoPlan) -> Changes:
    """The rest of a step's changes after the plan was carried out."""
    return Changes(
        changes.step,
        changes.added - plan.remove,
        {
            p: m
            for p, m in changes.changed.items()
            if p not in plan.restore and p not in plan.remove
        },
        changes.shared_with,
    )
