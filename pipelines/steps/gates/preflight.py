"""`preflight`: asks every later step, within seconds, whether this machine can run it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pipelines.domain.pipeline import (
    Options,
    Step,
    StepContext,
    StepResult,
    Unresolved,
)
from pipelines.domain.step_abilities import LooksAhead


class PreflightOptions(Options):
    """No options: the later steps' own options say what they need."""


class Preflight:
    """Kind `preflight`. It has no values, so a later installation does not rerun any step."""

    name = "preflight"
    summary = "check within seconds that this machine can run the later steps"
    options = PreflightOptions
    values: tuple[str, ...] = ()

    def identity(
        self,
        options: PreflightOptions,  # noqa: ARG002
        context: StepContext,
    ) -> Mapping[str, str]:
        """Everything that the later steps' answers depend on."""
        return {
            f"{step.name}: {name}": value
            for step, kind, own in _later(context)
            for name, value in {
                **kind.preflight_identity(step.options, own),
                "with": step.options.model_dump_json(),
            }.items()
        }

    def run(
        self,
        options: PreflightOptions,  # noqa: ARG002
        context: StepContext,
    ) -> StepResult:
        """Ask each step. Raises StepFailed with the code that the step itself would fail with."""
        answers = []
        for step, kind, own in _later(context):
            context.progress(f"checking {step.name}")
            answers.append(f"{step.name}: {kind.preflight(step.options, own)}")
        reason = "; ".join(answers) or "no later step has anything to check"
        return StepResult(reason=reason, complete=True)


PREFLIGHT = Preflight()


def _later(context: StepContext) -> Iterator[tuple[Step, LooksAhead, StepContext]]:
    names = [step.name for step in context.steps]
    for step in context.steps[names.index(context.step) + 1 :]:
        # options that contain the value of a step cannot be checked now
        if isinstance(step.kind, LooksAhead) and not isinstance(step.options, Unresolved):
            yield step, step.kind, replace(context, env={**context.env, **step.env})
