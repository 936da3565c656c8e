"""Whether a step runs, by the results of the steps before it and its own condition. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from common.states import ENDED_BADLY, State
from pipelines.domain.errors import BadValue
from pipelines.domain.expressions import Reference, Scalar, Status, as_text, evaluate, references
from pipelines.domain.pipeline import Pipeline, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts:
    """The facts that the condition of one step is evaluated against."""

    pipeline: Pipeline
    step: Step
    states: Mapping[str, State]
    """The state of each step that has ended."""
    lookup: Callable[[Reference], Any]
    """Raises BadValue for a name without a value, like the output of a skipped step."""
    is_changed: Callable[[tuple[str, ...]], bool]
    """Whether the job changes a file that matches one of the patterns."""

    @property
    def cause(self) -> str | None:
        """The nearest failed step among those that this one needs, directly or through others."""
        by_name = self.pipeline.by_name
        return next(
            (
                name
                for name in all_needs(self.pipeline, self.step)
                if self.states.get(name) in ENDED_BADLY and not by_name[name].allow_failure
            ),
            None,
        )

    def holds(self, status: Status) -> bool:
        """Whether the earlier steps ended this way."""
        if status is Status.ALWAYS:
            return True
        return (self.cause is None) is (status is Status.SUCCESS)

    def value(self, reference: Reference) -> Scalar:
        """The value of a name; empty without one."""
        try:
            value: Scalar = self.lookup(reference)
        except BadValue:
            return ""
        return value

    def changed(self, patterns: tuple[str, ...]) -> bool:
        """Whether the job changes a file that matches one of the patterns."""
        return self.is_changed(patterns)


def reason_to_skip(facts: StepFacts) -> str | None:
    """Why the step must not run, as text; None when it may.

    A step that was skipped by its own condition blocks no other. A failure blocks every step that
    needs it, directly or through others, unless the failed step is allowed to fail.
    """
    when = facts.step.when
    if evaluate(when.expression, facts):
        return None
    if facts.cause and not when.mentions(Status.FAILURE) and not when.mentions(Status.ALWAYS):
        return f"step {facts.cause} did not succeed"
    if when.expression is Status.FAILURE:
        return "no earlier step failed"
    values = (f"{name} is '{as_text(facts.value(name))}'" for name in references(when.expression))
    known = ", ".join(dict.fromkeys(values))
    return f"its condition is false: {when.text}{f' ({known})' if known else ''}"


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


def with_dependents(pipeline: Pipeline, names: Collection[str]) -> frozenset[str]:
    """These steps and all that need one of them, directly or through others."""
    needed_by: dict[str, list[str]] = {}
    for step in pipeline.steps:
        for name in step.needs:
            needed_by.setdefault(name, []).append(step.name)
    found = set(names)
    waiting = list(found)
    while waiting:
        later = [name for name in needed_by.get(waiting.pop(), ()) if name not in found]
        found.update(later)
        waiting += later
    return frozenset(found)


def all_but_later(pipeline: Pipeline, step: Step) -> tuple[str, ...]:
    """All steps but this one and those that need it."""
    later = with_dependents(pipeline, {step.name})
    return tuple(other.name for other in pipeline.steps if other.name not in later)
