"""The order of a pipeline's steps: what can run when, and how deep each one lies. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.domain.pipeline import Step


def in_order(steps: Sequence[Step]) -> list[Step]:
    """The steps so that each comes after what it needs; else as in the file."""
    waiting = list(steps)
    done: set[str] = set()
    ordered = []
    while waiting:
        following = next(step for step in waiting if done.issuperset(step.needs))
        waiting.remove(following)
        done.add(following.name)
        ordered.append(following)
    return ordered


def depths(steps: Sequence[Step]) -> dict[str, int]:
    """For each step how many others, at most, come one after the other before it."""
    found: dict[str, int] = {}
    for step in in_order(steps):
        found[step.name] = max((found[need] + 1 for need in step.needs), default=0)
    return found


def layers(steps: Sequence[Step]) -> list[list[Step]]:
    """The steps by depth; in each layer those near each other that need the same."""
    depth = depths(steps)
    made: list[list[Step]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    place: dict[str, float] = {}
    for step in in_order(steps):
        made[depth[step.name]].append(step)
    for layer in made:
        layer.sort(key=lambda step: _mean([place[need] for need in step.needs]))
        for index, step in enumerate(layer):
            place[step.name] = index - (len(layer) - 1) / 2
    return made


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
