"""The order of a pipeline's steps, and the depth of each. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.domain.pipeline import Step


def in_order(steps: Sequence[Step]) -> list[Step]:
    """The steps, each after the steps that it needs; otherwise in the file's order."""
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
    """For each step the length of the longest chain of steps before it."""
    found: dict[str, int] = {}
    for step in in_order(steps):
        found[step.name] = max((found[need] + 1 for need in step.needs), default=0)
    return found


def layers(steps: Sequence[Step]) -> list[list[Step]]:
    """The steps by depth; within a layer, steps that need the same ones are adjacent."""
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
