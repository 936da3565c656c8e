"""The values of the names in a step in this attempt, and the step with the values in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from common.redaction import mask_secrets
from common.states import State
from pipelines.domain.conditions import StepFacts, all_needs, reason_to_skip
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.expressions import Reference
from pipelines.domain.pipeline import Pipeline, RunningAttempt, Step, StepResult
from pipelines.execution.lazy import ComputedMapping
from pipelines.git.changed_paths import changed_paths, matches
from pipelines.git.tracked_files import check_names, matching_files
from pipelines.language.expressions.substitution import Values, substitute
from pipelines.language.params import resolve_params
from pipelines.workspace.layout import Workspace

ARTIFACTS = "artifacts"
"""The value in which a step's record lists its files for the manifest."""


@dataclass(frozen=True, slots=True)
class StepValues:
    """The values of one attempt at a pipeline; `recorded` returns those that a step wrote."""

    pipeline: Pipeline
    attempt: RunningAttempt
    recorded: Callable[[str], Mapping[str, Any]]

    def resolved(self, step: Step) -> Step:
        """The step with all values. Raises BadValue."""
        return substitute(step, self._values(step).lookup)

    def without_secrets(self, step: Step, *, awaits_steps: bool = False) -> Step:
        """The step with its secrets as names, which may be recorded.

        Raises BadValue, also for a missing value of a step that may still provide it.
        """
        lookup = replace(self._values(step), awaits_steps=awaits_steps).lookup
        return substitute(step, lambda name: name if _is_secret(name) else lookup(name))

    def reason_to_skip(self, step: Step, states: Mapping[str, State]) -> str | None:
        """Why the step must not run, given the states of the others; None when it may."""
        return reason_to_skip(self._facts(step, states))

    def is_hindered(self, step: Step, states: Mapping[str, State]) -> bool:
        """Whether a step that it needs failed."""
        return self._facts(step, states).cause is not None

    def _facts(self, step: Step, states: Mapping[str, State]) -> StepFacts:
        return StepFacts(
            pipeline=self.pipeline,
            step=step,
            states=states,
            lookup=self._values(step).lookup,
            is_changed=self._is_changed,
        )

    def _values(self, step: Step) -> Values:
        return Values(
            pipeline=self.pipeline,
            request=self.attempt,
            params=resolve_params(self.pipeline, self.attempt.params),
            outputs=ComputedMapping(lambda: all_needs(self.pipeline, step), self.recorded),
            secrets=self.attempt.secrets,
        )

    def _is_changed(self, patterns: tuple[str, ...]) -> bool:
        attempt = self.attempt
        source = Workspace(attempt.state_dir, attempt.job_id, attempt.attempt).source
        paths = changed_paths(source, attempt.changed_since, attempt.commit, attempt.env)
        return paths is None or any(matches(path, patterns) for path in paths)


def checked_result(
    result: StepResult, step: Step, source: Path, secrets: Mapping[str, str]
) -> StepResult:
    """The result with the files that `artifacts` names; no value contains one of the secrets.

    Raises StepFailed (ARTIFACT_MISSING, BAD_OUTPUT).
    """
    for name in step.values:
        value = str(result.values.get(name, ""))
        found = [secret for secret, text in secrets.items() if mask_secrets(value, [text]) != value]
        if found:
            raise StepFailed(
                FailureCode.BAD_OUTPUT,
                f"value {name} contains secret {found[0]}, and values are kept on the disk. Give"
                " the secret to the later step in its `env`.",
            )
    if not step.artifacts:
        return result
    files = matching_files(source, step.artifacts)
    check_names(files, source)
    names = [str(path.relative_to(source)) for path in files]
    return replace(
        result,
        outputs=tuple(dict.fromkeys((*result.outputs, *files))),
        values={**result.values, ARTIFACTS: names},
    )


def _is_secret(reference: Reference) -> bool:
    return reference.parts[0] == "secrets"
