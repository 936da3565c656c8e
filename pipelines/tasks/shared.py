"""Defaults of the farm for the `maven` steps of a pipeline, where it says nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from common.settings.shared_defaults import SharedDefaults
from pipelines.domain.pipeline import Pipeline, Step, Unresolved
from pipelines.steps.maven.options import MavenOptions


def with_defaults(pipeline: Pipeline, shared: SharedDefaults) -> Pipeline:
    """The pipeline with these defaults."""
    steps = tuple(_with_defaults(step, taken_from(step, shared)) for step in pipeline.steps)
    return replace(pipeline, steps=steps)


def taken_from(step: Step, shared: SharedDefaults) -> Mapping[str, Any]:
    """The options that the step takes from the defaults."""
    if step.kind.name != "maven":
        return {}
    options = step.options
    own = options.values if isinstance(options, Unresolved) else options.model_fields_set
    return {name: value for name, value in shared.options.items() if name not in own}


def _with_defaults(step: Step, taken: Mapping[str, Any]) -> Step:
    if not taken:
        return step
    if isinstance(step.options, Unresolved):
        return replace(step, options=Unresolved(values={**step.options.values, **taken}))
    own = step.options.model_dump(exclude_unset=True)
    return replace(step, options=MavenOptions.model_validate({**own, **_as_tuples(taken)}))


def _as_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
