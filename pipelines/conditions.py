"""Whether a step runs after what became of the steps before it. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from pipelines.model import Pipeline, Step

_BAD = frozenset({"failed", "timed_out", "cancelled"})


def reason_to_skip(pipeline: Pipeline, step: Step, states: Mapping[str, str]) -> str | None:
    """Why the step must not run, in words; None when it may.

    `states` has the state's word of each step that is at its end. A step that was left out by its
    own condition hinders nobody; a failure hinders all that need it, also through others.
    """
    if step.always:
        return None
    needed = all_needs(pipeline, step)
    cause = next((name for name in needed if states.get(name) in _BAD), None)
    return f"step {cause} did not succeed" if cause else None


def all_needs(pipeline: Pipeline, step: Step) -> tuple[str, ...]:
    """The steps that this one needs, directly or through others, nearest first."""
    needs = {other.name: other.needs for other in pipeline.steps}
    found: dict[str, None] = {}
    waiting = deque(step.needs)
    while waiting:
        name = waiting.popleft()
        if name not in found:
            found[name] = None
            waiting += needs[name]
    return tuple(found)


def all_but_later(pipeline: Pipeline, step: Step) -> tuple[str, ...]:
    """All steps but this one and those that need it."""
    return tuple(
        other.name
        for other in pipeline.steps
        if other.name != step.name and step.name not in all_needs(pipeline, other)
    )
