"""The plan of an attempt: the pipeline as it is in the file, or as it was stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from common.redaction import mask_url_credentials
from common.settings.shared_defaults import SharedDefaults
from pipelines.domain.conditions import all_needs
from pipelines.domain.errors import BadPipelineFile, BadValue, UnusablePlan
from pipelines.domain.evidence import RequiredEvidence
from pipelines.domain.expressions import SUCCESS
from pipelines.domain.pipeline import Pipeline, RunningAttempt, StepKind
from pipelines.execution.runner import StepRunner
from pipelines.language.params import resolve_params
from pipelines.processes.cancellation import Cancellation
from pipelines.tasks.doit_tasks import pipeline_tasks, publish_last
from pipelines.tasks.plan_document import read_plan, write_plan
from pipelines.tasks.shared import with_defaults
from pipelines.workspace.layout import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A plan that is ready to run for one job."""

    tasks: list[dict[str, Any]]
    """The tasks for doit."""
    params: Mapping[str, str]
    """The value of every parameter."""
    secrets: tuple[str, ...]
    """Names of the secrets that it needs."""
    compares: bool
    """Whether a condition asks which files the job changes."""
    looks_back: bool
    """Whether a step compares the job with the last good build of its branch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What would happen to a step if its job were built here now."""

    step: str
    needs: tuple[str, ...]
    reasons: tuple[str, ...] | None
    """Why it would run; empty: it is up to date; None: unknown without a workspace."""
    all_needs: tuple[str, ...]
    """Everything that the step needs, directly or through others."""
    condition: str | None
    """Its `when`, if it has one: it must be true for the step to run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """Makes plans and their doit tasks; `pipelines` reads the file, all tasks wait for `first`."""

    pipelines: Callable[[], Mapping[str, Pipeline]]
    kinds: Mapping[str, StepKind[Any]]
    runner: StepRunner
    first: str
    shared: Callable[[], SharedDefaults] = SharedDefaults
    """Defaults of the farm for what a pipeline leaves open."""

    def plan(self, name: str) -> bytes:
        """The plan of a pipeline in the current file with the farm's defaults, no credentials.

        Raises BadValue, BadPipelineFile.
        """
        pipeline = self.pipelines().get(name)
        if pipeline is None:
            raise BadValue(f"unknown pipeline '{name}'")
        return write_plan(_public(with_defaults(pipeline, self.shared())))

    def prepare(self, plan: bytes, params: Mapping[str, str]) -> Prepared:
        """The plan for a job with these parameters. Raises BadValue, UnusablePlan."""
        pipeline = self._planned(plan)
        self._check_secrets(pipeline)
        return Prepared(
            tasks=list(pipeline_tasks({pipeline.name: pipeline}, self.runner, self.first)),
            params=resolve_params(pipeline, params),
            secrets=pipeline.secrets,
            compares=any(step.when.compares for step in pipeline.steps),
            looks_back=any(isinstance(step.options, RequiredEvidence) for step in pipeline.steps),
        )

    def start_over(self, plan: bytes, *, start: str, only: str, clean: bool) -> None:
        """Like StepRunner.start_over, for the plan of the claimed job. Raises UnusablePlan."""
        pipeline = publish_last(self._planned(plan))
        self.runner.start_over(pipeline, start=start, only=only, clean=clean)

    def outlook(self, plan: bytes, attempt: RunningAttempt) -> tuple[Outlook, ...]:
        """What this builder's records of the job say about each step now; nothing is changed.

        Raises BadValue, UnusablePlan.
        """
        pipeline = self._planned(plan)
        runner = StepRunner(lambda: attempt, Cancellation())
        there = Workspace(attempt.state_dir, attempt.job_id, attempt.attempt).note.exists()
        return tuple(
            Outlook(
                step=step.name,
                needs=step.needs,
                reasons=runner.reasons_to_run(pipeline, step) if there else None,
                all_needs=all_needs(pipeline, step),
                condition=None if step.when == SUCCESS else step.when.text,
            )
            for step in pipeline.steps
        )

    def ended_alone(self, plan: bytes, attempt: RunningAttempt) -> dict[str, str]:
        """Steps that succeeded in an attempt whose process was killed, with the result of each."""
        try:
            pipeline = self._planned(plan)
        except UnusablePlan:
            return {}  # another version of the program made the attempt
        return StepRunner(lambda: attempt, Cancellation()).ended_alone(pipeline)

    def _planned(self, plan: bytes) -> Pipeline:
        pipeline = read_plan(plan, self.kinds)
        in_file = self._in_file(pipeline.name)
        if in_file and write_plan(_public(in_file)) == plan:
            return in_file
        if in_file and _public(in_file).source.repository == pipeline.source.repository:
            # only the file has credentials; no plan contains them
            repository = in_file.source.repository
            source = pipeline.source.model_copy(update={"repository": repository})
            return replace(pipeline, source=source)
        return pipeline

    def _check_secrets(self, pipeline: Pipeline) -> None:
        """Raise UnusablePlan if an old plan needs a secret that the file no longer gives it."""
        in_file = self._in_file(pipeline.name)
        given = in_file.secrets if in_file else ()
        for secret in pipeline.secrets:
            if secret not in given:
                raise UnusablePlan(
                    f"its plan uses secret {secret}, which the pipelines file does not give to"
                    f" pipeline {pipeline.name}"
                )

    def _in_file(self, name: str) -> Pipeline | None:
        """An old plan is all that a job needs, but for secrets, whatever has changed since."""
        try:
            return self.pipelines().get(name)
        except BadPipelineFile:
            return None


def _public(pipeline: Pipeline) -> Pipeline:
    repository = mask_url_credentials(pipeline.source.repository)
    source = pipeline.source.model_copy(update={"repository": repository})
    return replace(pipeline, source=source)
