"""The step that `requires_evidence` adds to a pipeline. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipelines.domain.evidence import RequiredEvidence
from pipelines.domain.pipeline import Step, StepKind

EVIDENCE = "evidence"
"""The name of the step."""
CHECK = "check-evidence"
"""Its kind."""
_EFFECTS = frozenset({"publish", "ssh", "publish-status"})
"""Kinds whose effect is outside the job: they need the evidence."""


def with_check(
    steps: Sequence[Step], kind: StepKind[Any], required: RequiredEvidence, place: object
) -> tuple[Step, ...]:
    """The steps, with one that checks the evidence after all those that make it.

    It comes before the steps with effects outside the job, and before what needs them.
    """
    later: set[str] = set()
    found = {step.name for step in steps if step.kind.name in _EFFECTS}
    while found:  # needs may point at steps further down
        later |= found
        found = {step.name for step in steps if later & set(step.needs)} - later
    makers = [step for step in steps if step.name not in later]
    needed = {need for step in makers for need in step.needs}
    ends = tuple(step.name for step in makers if step.name not in needed)
    check = Step(name=EVIDENCE, kind=kind, options=required, needs=ends, place=place)
    needing = [
        replace(step, needs=(*(n for n in step.needs if n in later), EVIDENCE))
        for step in steps
        if step.name in later
    ]
    return (*makers, check, *needing)
