"""`preflight`: asks every later step, in seconds, whether this machine can do its work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pipelines.domain.pipeline import LooksAhead, Options, Step, StepContext, StepResult, Unresolved


class PreflightOptions(Options):
    """There is nothing to set: the later steps' own options say what they need."""


class Preflight:
    """Kind `preflight`. It has no values, so that what is installed meanwhile reruns no step."""

    name = "preflight"
    summary = "check in seconds that this machine can do what later steps need"
    options = PreflightOptions
    values: tuple[str, ...] = ()

    def identity(
        self,
        options: PreflightOptions,  # noqa: ARG002
        context: StepContext,
    ) -> Mapping[str, str]:
        """What the later steps' answers depend on."""
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
        """Ask each. Raises StepFailed, with the code that the step itself would fail of."""
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
        # options in which the value of a step still stands can't be checked now
        if isinstance(step.kind, LooksAhead) and not isinstance(step.options, Unresolved):
            yield step, step.kind, replace(context, env={**context.env, **step.env})
