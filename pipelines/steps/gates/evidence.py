"""The step that `requires_evidence` of a pipeline adds: kind `check-evidence`."""

from __future__ import annotations

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.evidence import (
    RAN,
    RequiredEvidence,
    marks_of,
    missing_evidence,
    number_of_tests,
)
from pipelines.domain.pipeline import StepContext, StepResult


class CheckEvidence:
    """Kind `check-evidence`. It runs each time: the last good build may be another one."""

    name = "check-evidence"
    summary = "check that the results show what the pipeline requires"
    options = RequiredEvidence
    values = ("tests_run",)

    def identity(self, options: RequiredEvidence, context: StepContext) -> None:
        """None, so it is never up to date."""

    def run(self, options: RequiredEvidence, context: StepContext) -> StepResult:
        """Check. Raises StepFailed (EVIDENCE_MISSING)."""
        values = {step: made for step, made in context.recorded.items() if step != context.step}
        before = context.last_good.get(context.step, {}).get(RAN)
        last_good = before if isinstance(before, str) else ""
        missing = missing_evidence(options, values, last_good)
        if missing:
            raise StepFailed(
                FailureCode.EVIDENCE_MISSING,
                f"the pipeline requires evidence (requires_evidence): {'; '.join(missing)}",
                excerpt="\n".join(missing),
                details={"missing": missing},
            )
        ran = number_of_tests(values)
        unknown = "; no earlier good build has recorded its tests" if not last_good else ""
        compared = unknown if options.no_newly_skipped else ""
        marks = {RAN: marks_of(values)} if options.no_newly_skipped else {}
        return StepResult(
            reason=f"the results show what the pipeline requires; {ran} tests ran{compared}",
            values={"tests_run": ran, **marks},
        )


CHECK_EVIDENCE = CheckEvidence()
