"""Whether a step runs after what became of the steps before it, and by its own condition. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.domain.errors import BadValue
from pipelines.domain.expressions import Reference, Scalar, Status, as_text, evaluate, references
from pipelines.domain.pipeline import Pipeline, Step

_BAD = frozenset({"failed", "timed_out", "cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts:
    """What the condition of one step is measured against."""

    pipeline: Pipeline
    step: Step
    states: Mapping[str, str]
    """The state's word of each step that is at its end."""
    lookup: Callable[[Reference], Any]
    """Raises BadValue for what has no value, like the output of a step that was left out."""
    is_changed: Callable[[tuple[str, ...]], bool]
    """Whether the job changes a file that one of the patterns names."""

    @property
    def cause(self) -> str | None:
        """The nearest step that this one needs, also through others, and that failed."""
        by_name = self.pipeline.by_name
        return next(
            (
                name
                for name in all_needs(self.pipeline, self.step)
                if self.states.get(name) in _BAD and not by_name[name].allow_failure
            ),
            None,
        )

    def holds(self, status: Status) -> bool:
        """Whether the steps before ended so."""
        if status is Status.ALWAYS:
            return True
        return (self.cause is None) is (status is Status.SUCCESS)

    def value(self, reference: Reference) -> Scalar:
        """The value of a name; empty when there is none."""
        try:
            value: Scalar = self.lookup(reference)
        except BadValue:
            return ""
        return value

    def changed(self, patterns: tuple[str, ...]) -> bool:
        """Whether the job changes a file that one of the patterns names."""
        return self.is_changed(patterns)


def reason_to_skip(facts: StepFacts) -> str | None:
    """Why the step must not run, in words; None when it may.

    A step that was left out by its own condition hinders nobody; a failure hinders all that need
    it, also through others, unless that step is allowed to fail.
    """
    when = facts.step.when
    if evaluate(when.expression, facts):
        return None
    if facts.cause and not when.mentions(Status.FAILURE) and not when.mentions(Status.ALWAYS):
        return f"step {facts.cause} did not succeed"
    if when.expression is Status.FAILURE:
        return "no step before it failed"
    values = (f"{name} is '{as_text(facts.value(name))}'" for name in references(when.expression))
    known = ", ".join(dict.fromkeys(values))
    return f"its condition does not hold: {when.text}{f' ({known})' if known else ''}"


def all_needs(pipeline: Pipeline, step: Step) -> tuple[str, ...]:
    """The steps that this one needs, directly or through others, nearest first."""
    found: dict[str, None] = {}
    waiting = deque(step.needs)
    while waiting:
        name = waiting.popleft()
        if name not in found:
            found[name] = None
            waiting += pipeline.by_name[name].needs
    return tuple(found)


def all_but_later(pipeline: Pipeline, step: Step) -> tuple[str, ...]:
    """All steps but this one and those that need it."""
    return tuple(
        other.name
        for other in pipeline.steps
        if other.name != step.name and step.name not in all_needs(pipeline, other)
    )
