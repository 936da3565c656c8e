"""Why packaging failed, from its output. Pure."""

from __future__ import annotations

from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.failures.evidence import Evidence
from pipelines.failures.verdict import verdict


def packaging_failure(evidence: Evidence, exit_code: int, source: Path) -> StepFailed:
    """The failure of a build that ended with this exit code, not 0."""
    words = "packaging failed"
    if not evidence.last_lines:
        words = f"{words}: exit code {exit_code}, no output"
    return verdict(
        "packaging", words, exit_code, evidence, own=FailureCode.PACKAGING_FAILED, source=source
    )
