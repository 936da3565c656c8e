"""Replaces `${{ }}` by values, for one step, just before it runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from common.yaml.document import Document, plain_value
from common.yaml.findings import InvalidFile
from common.yaml.validate import check, validate
from pipelines.domain.errors import BadValue
from pipelines.domain.expressions import Reference
from pipelines.domain.pipeline import BuildRequest, Options, Pipeline, Step, Unresolved
from pipelines.language.entries import inside_source
from pipelines.language.expressions.references import (
    Lookup,
    replace_in_text,
    replace_references,
    texts_in,
)
from pipelines.language.located import Assembled, Path
from pipelines.language.params import typed_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """The values of a step's references."""

    pipeline: Pipeline
    request: BuildRequest
    params: Mapping[str, str]
    """The value of every parameter, from `resolve_params`."""
    outputs: Mapping[str, Mapping[str, Any]]
    """Values of earlier steps, by step."""
    secrets: Mapping[str, str]
    awaits_steps: bool = False
    """Whether steps may still provide missing values. Otherwise those are empty: the step was
    skipped, or was allowed to fail."""

    def lookup(self, reference: Reference) -> Any:
        """The value of a name, which was checked when the file was read. Raises BadValue."""
        root, *rest = reference.parts
        try:
            if root == "params":
                return typed_value(self.pipeline.params[rest[0]], self.params[rest[0]])
            if root == "job":
                return self._of_job(rest[0])
            if root == "secrets":
                return self.secrets[rest[0]]
            given = self._given_by(rest[0], rest[2])
            # a script can only write text: `true` and `7` mean the same as in YAML
            return plain_value(str(given)) if isinstance(given, str | int) else given
        except KeyError as error:
            raise BadValue(f"'{reference}' has no value: {_WHY[root]}") from error

    def _given_by(self, step: str, name: str) -> Any:
        given = self.outputs[step]
        return given[name] if self.awaits_steps or name in given else ""

    def _of_job(self, name: str) -> str | int:
        if name == "id":
            return self.request.job_id
        value = getattr(self.request, name)
        return "" if value is None else value


_WHY = {
    "params": "the job does not set it",
    "job": "unknown name",
    "secrets": "this builder does not have the secret",
    "steps": "the step did not write it",
}


def substitute(step: Step, lookup: Lookup) -> Step:
    """The step with each `${{ }}` replaced, and with options of its kind's model.

    Raises BadValue, with the step's place, when a value is missing or invalid there.
    """
    try:
        return replace(
            step,
            options=_options(step, lookup),
            env={name: replace_in_text(value, lookup) for name, value in step.env.items()},
            dir=None if step.dir is None else inside_source(replace_in_text(step.dir, lookup)),
            inputs=_paths(step.inputs, lookup),
            outputs=_paths(step.outputs, lookup),
            artifacts=_paths(step.artifacts, lookup),
            resources=tuple(replace_in_text(name, lookup) for name in step.resources),
        )
    except ValueError as error:
        raise BadValue(f"{step.place}: step {step.name}: {error}") from error


def check_options(model: type[Options], assembled: Assembled, path: Path) -> None:
    """Check options that contain references, as far as possible without their values.

    Raises InvalidFile with all errors except those at a reference.
    """
    check(model, assembled, path, lambda below: _has_reference(assembled.data, (*path, *below)))


def _has_reference(data: Any, path: Path) -> bool:
    """Whether the value at the path, or its nearest parent, contains a reference."""
    for key in path:
        items = dict(enumerate(data)) if isinstance(data, list) else data
        if not isinstance(items, dict) or key not in items:
            break
        data = items[key]
    return any(True for _ in texts_in(data))


def _options(step: Step, lookup: Lookup) -> Options:
    if not isinstance(step.options, Unresolved):
        return step.options
    values = replace_references(dict(step.options.values), lookup)
    try:
        return validate(step.kind.options, Document(step.name, values))
    except InvalidFile as error:
        raise ValueError("; ".join(finding.message for finding in error.findings)) from error


def _paths(patterns: tuple[str, ...], lookup: Lookup) -> tuple[str, ...]:
    return tuple(inside_source(replace_in_text(pattern, lookup)) for pattern in patterns)
